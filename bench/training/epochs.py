"""Epochs per second on a full graph, against PyTorch Geometric: `python -m bench.training.epochs`.

Both train a graph convolutional network of the same widths on two views with the same rates, in one
process and in turns; a third contestant is our linear encoder, as wide as the first layer.
Without the extra "peers" ours are measured alone.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from .. import results
from ..loss.contestants import use_all_cores
from ..machine import ROOT, OthersShare
from ..reporting import start_run
from .steps import make_rows, render

FILE = Path("bench/results/epochs.jsonl")
UNITS = (512, 256)
GRAPHS = ("planetoid:cora", "digits")
_TURNS, _EPOCHS, _SKIPPED = 6, 12, 3


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.training.epochs",
        description="Times epochs of full-graph training, prints a table, and appends the rows to"
        f" {FILE}. Nothing else should run meanwhile.",
    )
    parser.add_argument("--graphs", nargs="+", default=GRAPHS, metavar="SPEC")
    parser.add_argument(
        "--data-dir", default=os.environ.get("GBT_DATA_DIR", ROOT / "../shared/data/planetoid")
    )
    parser.add_argument("--units", nargs=2, type=int, default=UNITS)
    parser.add_argument("--turns", type=int, default=_TURNS, help="turns of each contestant")
    parser.add_argument(
        "--quick", action="store_true", help="two short turns, to try things out; appends nothing"
    )
    options = parser.parse_args(arguments)
    use_all_cores()
    from graph_barlow_twins.pretrain.graph.datasets import load_dataset

    from .epoch_contestants import CONTESTANTS, PEER
    from .turns import train_in_turns

    contestants = dict(CONTESTANTS)
    if importlib.util.find_spec("torch_geometric") is None:
        del contestants[PEER]
        print(f"not measured: {PEER}, which is not installed (extra: peers)", file=sys.stderr)
    config = {"what": "epoch", "units": list(options.units)}
    run = start_run("python -m bench.training.epochs", arguments, **config)
    others_share, rows = OthersShare(), []
    for name in options.graphs:
        data = load_dataset(name, str(options.data_dir), knn=10)
        times = train_in_turns(
            {who: make(data, tuple(options.units)) for who, make in contestants.items()},
            turns=2 if options.quick else options.turns,
            steps=4 if options.quick else _EPOCHS,
            skipped=1 if options.quick else _SKIPPED,
        )
        rows += make_rows(name, times)
        print(render(rows[-len(times) :], "graph", "epoch"), flush=True)
    run["others_share"] = round(others_share(), 4)
    print(f"other processes took {run['others_share']:.1%} of the time")
    if not options.quick:
        results.append(run, rows, FILE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
