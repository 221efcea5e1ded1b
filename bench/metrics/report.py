"""What the metrics cost, ours against upstream's: `python -m bench.metrics.report --help`.

As bench/report.py does it for the loss: in alternation in one process, after a check of parity.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np

from .. import results
from ..loss.cases import Case, make_views
from ..loss.contestants import use_all_cores
from ..machine import ROOT, OthersShare, describe_run
from ..measure import measure
from ..ratios import medians, ratio
from ..report import describe

CASES = tuple(
    Case(*shape)
    for shape in ((128, 128), (256, 256), (1024, 512), (8192, 256), (256, 2048), (256, 8192))
)
QUICK_CASES = CASES[:2]
PARITY_CASES = (Case(64, 24), Case(24, 64))
_PARITY = 1e-4
FILE = ROOT / "bench" / "results" / "metrics.jsonl"
PAGE = ROOT / "docs" / "metrics.md"
_BEGIN, _END = "<!-- results -->", "<!-- /results -->"
_NOISE = 0.03


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


def render_table(rows: list[dict]) -> str:
    """Medians in milliseconds, and how many times as long as ours upstream takes."""
    lines = [
        "| shape | " + " | ".join(f"{name} ms" for name in CONTESTANTS) + " | upstream / ours |"
    ]
    lines.append("| ---: " * (len(CONTESTANTS) + 2) + "|")
    for shape, times in medians(rows).items():
        cells = [f"{times[name]:.2f}" if name in times else "-" for name in CONTESTANTS]
        times_as_long = ratio(times, "upstream", "ours")
        cells.append("-" if times_as_long is None else f"{times_as_long:.2f}x")
        lines.append("| " + " | ".join([shape, *cells]) + " |")
    return "\n".join(lines)


def write_docs(page: Path = PAGE, file: Path = FILE) -> int:
    """Puts the latest row set with all shapes into docs/metrics.md; returns the exit code."""
    sets = results.parse(file.read_text()) if file.exists() else []
    found = results.latest(sets, "metrics", map(str, CASES))
    if not found:
        print(f"no row set with all shapes in {file.name}", file=sys.stderr)
        return 2
    run, rows = found
    text = page.read_text()
    before, after = text.split(_BEGIN)[0], text.split(_END)[1]
    page.write_text("\n\n".join([before + _BEGIN, describe(run), render_table(rows), _END + after]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.metrics.report",
        description="Times the metrics, prints one table with ratios, and appends the rows to "
        "bench/results/metrics.jsonl. Nothing else should run meanwhile.",
    )
    parser.add_argument("--shapes", help="such as 128x128,1024x512 (default: all six)")
    parser.add_argument("--rounds", type=int, default=11, help="rounds of alternation per shape")
    parser.add_argument(
        "--budget", type=float, default=8.0, help="seconds per shape, three rounds excepted"
    )
    parser.add_argument(
        "--quick", action="store_true", help="two small shapes, to try things out; appends nothing"
    )
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="put the table of the latest row set into docs/metrics.md; measures nothing",
    )
    return parser


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.write_docs:
        return write_docs()
    try:
        shapes = options.shapes and [Case.parse(text) for text in options.shapes.split(",")]
    except ValueError as error:
        parser.error(str(error))
    command = " ".join(["python -m bench.metrics.report", *(arguments or sys.argv[1:])])
    config = {
        "command": command,
        "what": "metrics",
        "rounds": options.rounds,
        "budget_s": options.budget,
    }
    run = describe_run(config)
    use_all_cores()
    errors = list(filter(None, map(parity_error, CONTESTANTS)))
    if errors:
        print("\n".join(errors), file=sys.stderr)
        return 1
    rows, others = [], OthersShare()
    for case in shapes or (QUICK_CASES if options.quick else CASES):
        print(f"{case} ...", file=sys.stderr, flush=True)
        rows += run_case(case, options.rounds, options.budget)
    run["others_share"] = round(others(), 3)
    for row in rows:
        row["run"] = run["run"]
    print("\n\n".join([render_table(rows), describe(run)]))
    if run["others_share"] > _NOISE:
        print("other processes were running: these numbers are not good", file=sys.stderr)
    if not options.quick:
        results.append(run, rows, FILE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
