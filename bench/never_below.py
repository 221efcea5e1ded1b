"""Is the trained encoder ever worse than what costs nothing? `python -m bench.never_below`.

On every graph at hand, with default options, it compares the trained embeddings with raw features
and PCA (may be 0.5 points below the better of them) and with the untrained encoder (0.3), in every
measure: a difference counts as below where it is below that by more than its standard error over
ten random splits (of subgraphs: ten folds).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path

from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.evaluation.baselines import (
    PCA,
    RAW,
    UNTRAINED,
    baseline_embeddings,
)
from graph_barlow_twins.pretrain.evaluation.evaluate import MEASURES, evaluate
from graph_barlow_twins.pretrain.evaluation.table import difference, table
from graph_barlow_twins.pretrain.graph.data import GraphData
from graph_barlow_twins.pretrain.output.folder import OutputFolder
from graph_barlow_twins.pretrain.training.recipe import make_recipe
from graph_barlow_twins.pretrain.training.run import make_run

from .graphs import GRAPHS, has_data, subgraph

TRAINED = "trained encoder"
MARGINS = {RAW: 0.5, PCA: 0.5, UNTRAINED: 0.3}  # points
SIZES, DRAWS = (100, 300), 3
_LARGE = 20_000  # nodes; folds would take hours


def trained_run(data: GraphData, words: list[str]):
    """A finished run with options NAME=VALUE, its recipe, its weights; prints what was chosen."""
    config = PretrainConfig(output="none", **dict(map(_option, words)))
    before = time.perf_counter()
    import tensorflow_gnn.runner  # noqa: F401 - of every process, not of every training

    start = time.perf_counter()
    recipe = make_recipe(config, data)
    run = make_run(data, recipe)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "checkpoint").mkdir()
        trained = run.train(OutputFolder(Path(folder)))
    print(
        f"  {recipe.encoder} {recipe.training} {recipe.channels or ''} imports"
        f" {start - before:.1f} s, start"
        f" {begun - start:.1f} s, training {time.perf_counter() - begun:.1f} s"
    )
    return run, recipe, trained.weights


def embeddings_of(data: GraphData, words: list[str]) -> dict:
    """Of the trained and the untrained encoder, and the baselines."""
    run, _, weights = trained_run(data, words)
    embedded = run.embed(weights)
    baselines = baseline_embeddings(data, embedded.shape[1], 0)
    return {TRAINED: embedded, **baselines, UNTRAINED: run.embed(run.initial_weights)}


def _option(word: str) -> tuple[str, object]:
    name, _, value = word.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def split_of(data: GraphData) -> str:
    """Random splits where there is a public one of their size, or too much for folds."""
    return "random" if data.has_masks or data.num_nodes > _LARGE else "folds"


def measured(data: GraphData, candidates: dict, splits: int) -> dict:
    """All measures by candidate, as `Result.to_dict`."""
    found = evaluate(
        candidates, data, split=split_of(data), seeds=splits, clusterings=3, starts=3, center=True
    )
    return {name: one.to_dict() for name, one in found.items()}


def faults(results: dict) -> list[str]:
    """Where the trained encoder is below what it is compared with."""
    found = []
    own = results[TRAINED]
    for name, margin in MARGINS.items():
        for key, measure in results[name].items():
            pair = difference(own[key], measure)
            if pair is None:
                continue
            below = 100 * pair.mean + margin + 100 * (pair.standard_error or 0)
            if below < 0:
                found.append(f"{MEASURES[key]}: {100 * pair.mean:+.2f} against {name}")
    return found


def main(arguments=None) -> int:
    """The command line; returns the exit code: 1 where anything is below."""
    parser = argparse.ArgumentParser(prog="python -m bench.never_below", description=__doc__)
    parser.add_argument("graphs", nargs="*", help=f"of {', '.join(GRAPHS)}; default: all")
    parser.add_argument("--subgraphs", action="store_true", help="subgraphs of 100 and 300 nodes")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=VALUE")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    below = []
    for name in options.graphs or [one for one in GRAPHS if has_data(one)]:
        data = GRAPHS[name]()
        cases = [data]
        if options.subgraphs:
            cases = [subgraph(data, size, draw) for size in SIZES for draw in range(DRAWS)]
        for case in cases:
            print(f"{case.name}:", flush=True)
            results = measured(case, embeddings_of(case, options.set), options.splits)
            print(table(results))
            wrong = faults(results)
            below += [f"{case.name}: {one}" for one in wrong]
            print("\n".join(f"  BELOW: {one}" for one in wrong), flush=True)
    print(f"below in {len(below)} places")
    print("\n".join(below))
    return bool(below)


if __name__ == "__main__":
    sys.exit(main())
