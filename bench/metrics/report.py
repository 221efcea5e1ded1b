"""What the metrics cost, ours against upstream's: `python -m bench.metrics.report --help`.

As bench/report.py does it for the loss: in alternation in one process, after a check of parity.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np

from ..loss.cases import Case, make_views, parse_shapes
from ..loss.contestants import use_all_cores
from ..measure import measure
from ..ratios import align, medians, number, ratio, times
from ..reporting import Report

CASES = parse_shapes("128x128,256x256,1024x512,8192x256,256x2048,256x8192")
QUICK_CASES = CASES[:2]
PARITY_CASES = (Case(64, 24), Case(24, 64))
_PARITY = 1e-4
REPORT = Report(
    command="python -m bench.metrics.report",
    file=Path("bench/results/metrics.jsonl"),
    page="docs/theory/metrics.md",
    section="results",
    checked=(("ours", "upstream"), ("ours", "host")),
)


def _metric(z_a, z_b, make):
    """A step of Keras' evaluation: state updated and read, in one tf.function."""
    import tensorflow as tf

    metric = make()

    @tf.function
    def step(views):
        metric.update_state(None, views)
        return metric.result()

    views = tf.constant(np.stack([z_a, z_b], axis=1))

    def call():
        return {name: float(value) for name, value in step(views).items()}

    return call


def _first_view(y_pred):
    return y_pred[:, 0]


def _upstream():
    from tensorflow_gnn.models.contrastive_losses.metrics import AllSvdMetrics

    return AllSvdMetrics(y_pred_transform_fn=_first_view)


def _ours():
    from graph_barlow_twins.tfgnn_task import AllSvdMetrics

    return AllSvdMetrics(y_pred_transform_fn=_first_view)


def metric_of(ours: bool):
    """AllSvdMetrics of one of the two."""
    return _ours() if ours else _upstream()


def _ours_plain(z_a, z_b):
    """Ours as on a machine where TensorFlow cannot call the host."""
    from unittest import mock

    from graph_barlow_twins.kernels.metrics import formulas as metrics

    call = _metric(z_a, z_b, _ours)
    with mock.patch.object(metrics, "can_call_host", return_value=False):
        call()  # traces
    return call


def _cross_correlation():
    from graph_barlow_twins.tfgnn_task import CrossCorrelationMetrics

    return CrossCorrelationMetrics()


def _alignment_uniformity():
    from graph_barlow_twins.tfgnn_task import AlignmentUniformityMetrics

    return AlignmentUniformityMetrics()


def _host(z_a, _):
    """The decomposition alone, on a NumPy array."""
    from graph_barlow_twins.kernels.metrics.spectrum_host import spectrum

    return lambda: spectrum(z_a)


# Name to a function of two views that returns the call to be timed.
CONTESTANTS = {
    "ours": partial(_metric, make=_ours),
    "upstream": partial(_metric, make=_upstream),
    "ours-plain": _ours_plain,
    "host": _host,
    "cross-correlation": partial(_metric, make=_cross_correlation),
    "alignment-uniformity": partial(_metric, make=_alignment_uniformity),
}
_WITH_SVD = ("ours", "upstream", "ours-plain")


def parity_error(name: str) -> str | None:
    """What a contestant that reports the metrics of the SVD gets wrong, or None."""
    from graph_barlow_twins import reference

    for case in PARITY_CASES if name in _WITH_SVD else ():
        views = make_views(case)
        found = CONTESTANTS[name](*views)()
        for key in ("numerical_rank", "rankme", "coherence"):
            expected = getattr(reference, key)(views[0])
            if not abs(found[key] - expected) <= _PARITY * expected:
                return f"{name} at {case}: {key} {found[key]}, expected {expected}"
    return None


def run_case(case: Case, rounds: int, budget: float) -> list[dict]:
    """The rows of one shape."""
    views = make_views(case)
    setups = {name: partial(setup, *views) for name, setup in CONTESTANTS.items()}
    timings = measure(setups, rounds=rounds, budget=budget)
    return [
        {"kind": "row", "shape": str(case), "contestant": name} | timing.as_row()
        for name, timing in timings.items()
    ]


def render(rows: list[dict]) -> list[str]:
    """Medians in milliseconds, and how many times as long as ours upstream takes."""
    lines = [["shape", *(f"{name} ms" for name in CONTESTANTS), "upstream / ours"]]
    for shape, found in medians(rows).items():
        cells = (number(found.get(name)) for name in CONTESTANTS)
        lines.append([shape, *cells, times(ratio(found, "upstream", "ours"))])
    return ["\n".join(align(lines))]


def _parser() -> argparse.ArgumentParser:
    parser = REPORT.parser(
        "Times the metrics, prints one table with ratios",
        case="shape",
        quick="two small shapes",
        rounds=11,
        budget=8.0,
        quick_budget=4.0,
    )
    parser.add_argument(
        "--shapes", type=parse_shapes, help="such as 128x128,1024x512 (default: all six)"
    )
    return parser


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.write_docs:
        return REPORT.write_docs([("", "metrics", CASES)], render)
    use_all_cores()
    return REPORT.measure(
        "metrics",
        options.shapes or (QUICK_CASES if options.quick else CASES),
        options,
        arguments,
        errors=lambda: map(parity_error, CONTESTANTS),
        run_case=run_case,
        render=render,
    )


if __name__ == "__main__":
    sys.exit(main())
