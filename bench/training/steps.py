"""Training steps per second, ours against upstream: `python -m bench.training.steps --help`.

Both tasks train, through `runner.run`, the same encoder on the same subgraphs of Cora with Adam,
with their own defaults and metrics, in one process and in turns.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .. import results
from ..loss.contestants import use_all_cores
from ..machine import OthersShare
from ..reporting import start_run

FILE = Path("bench/results/train_step.jsonl")


@dataclass(frozen=True)
class Setup:
    """One projector, and how long it is measured.

    Attributes:
        units: of the projector's layers, or None.
        turns: of each contestant.
        steps: per turn.
        skipped: of them.
    """

    units: tuple[int, ...] | None
    turns: int
    steps: int
    skipped: int


SETUPS = {
    "none": Setup(None, 6, 15, 4),
    "2048-2048": Setup((2048, 2048), 6, 6, 2),
    "8192-8192": Setup((8192, 8192), 3, 2, 1),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.training.steps",
        description="Times training steps on sampled subgraphs of Cora, prints a table, and appends"
        f" the rows to {FILE}. Nothing else should run meanwhile.",
    )
    parser.add_argument(
        "--projectors", default=",".join(SETUPS), help="some of %(default)s (default: all)"
    )
    parser.add_argument(
        "--contestants",
        default="ours,upstream",
        help="names separated by commas (default: %(default)s); 'ours without metrics', for"
        " example, shows what a part of the step costs. The first one is compared with the others",
    )
    parser.add_argument("--turns", type=int, help="turns of each contestant")
    parser.add_argument(
        "--quick", action="store_true", help="two short turns, to try things out; appends nothing"
    )
    return parser


def make_rows(shape: str, times: Mapping) -> list[dict]:
    """Rows of the results.

    Args:
        shape: name of the setup.
        times: `StepTimes` per contestant.
    """
    rows = []
    for name, measured in times.items():
        steps = [step for turn in measured.turns for step in turn]
        rows.append(
            {
                "kind": "row",
                "shape": shape,
                "contestant": name,
                "median_ms": round(median(steps) * 1e3, 3),
                "min_ms": round(min(steps) * 1e3, 3),
                "samples": len(steps),
                "turns_ms": [round(median(turn) * 1e3, 3) for turn in measured.turns],
                "first_call_s": round(measured.first_call, 2),
            }
        )
    return rows


def render(rows: list[dict], shape: str = "projector", step: str = "step") -> str:
    """The table: per shape and contestant, and how many times as long as the first it takes.

    The range is that of the ratios within single rounds.

    Args:
        rows: of `make_rows`.
        shape: what a row's shape is.
        step: what was timed.
    """
    lines = [
        f"| {shape} | | ms per {step} | {step}s per second | time / first one's | in rounds |",
        "| --- | --- | --: | --: | --: | --: |",
    ]
    first: dict[str, dict] = {}
    for row in rows:
        base = first.setdefault(row["shape"], row)
        pairs = zip(row["turns_ms"], base["turns_ms"], strict=True)
        ratios = [ours / theirs for ours, theirs in pairs]
        lines.append(
            f"| {row['shape']} | {row['contestant']} | {row['median_ms']:.1f} |"
            f" {1e3 / row['median_ms']:.2f} | {row['median_ms'] / base['median_ms']:.2f}x |"
            f" {min(ratios):.2f} - {max(ratios):.2f} |"
        )
    return "\n".join(lines)


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    shapes, names = options.projectors.split(","), options.contestants.split(",")
    for shape in shapes:
        if shape not in SETUPS:
            parser.error(f"unknown projector {shape!r}; choose from {', '.join(SETUPS)}")
    use_all_cores()
    from .step_contestants import CONTESTANTS, make_training
    from .step_data import FAN_OUT, HOPS, ROOTS, CoraProvider
    from .turns import train_in_turns

    for name in names:
        if name not in CONTESTANTS:
            parser.error(f"unknown contestant {name!r}; choose from {', '.join(CONTESTANTS)}")
    config = {"what": "training step", "hops": HOPS, "fan_out": FAN_OUT, "roots": ROOTS}
    run = start_run("python -m bench.training.steps", arguments, **config)
    others_share, rows = OthersShare(), []
    provider = CoraProvider()
    for shape in shapes:
        setup = SETUPS[shape]
        units = list(setup.units) if setup.units else None
        times = train_in_turns(
            {name: make_training(name, units, provider) for name in names},
            turns=2 if options.quick else options.turns or setup.turns,
            steps=3 if options.quick else setup.steps,
            skipped=1 if options.quick else setup.skipped,
        )
        rows += make_rows(shape, times)
        print(render(rows[-len(names) :]), flush=True)
    run["others_share"] = round(others_share(), 4)
    print(f"other processes took {run['others_share']:.1%} of the time")
    if not options.quick:
        results.append(run, rows, FILE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
