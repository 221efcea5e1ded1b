"""Does anything but labels tell which recipe is best? `python -m bench.choice [GRAPH ...]`.

For each graph the same eight recipes are made without training. The table has the rank correlation
(Spearman) over them between the accuracy of the linear probe and what can be measured without
labels. A criterion to choose by would have to be above 0.5 in every row.
"""

from __future__ import annotations

import argparse
import sys
import warnings

import numpy as np
import scipy.stats
from graph_barlow_twins import reference
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.encoder.by_weights import embed_with
from graph_barlow_twins.pretrain.evaluation.knn_probe import knn_probe
from graph_barlow_twins.pretrain.evaluation.linear_probe import linear_probe
from graph_barlow_twins.pretrain.evaluation.links import link_scores
from graph_barlow_twins.pretrain.evaluation.robustness import Damage, damaged
from graph_barlow_twins.pretrain.evaluation.rows import Directions
from graph_barlow_twins.pretrain.graph.data import GraphData
from graph_barlow_twins.pretrain.graph.held_out import hold_out_edges
from graph_barlow_twins.pretrain.training.recipe import make_recipe
from graph_barlow_twins.pretrain.training.run import make_run

from .graphs import GRAPHS, has_data
from .never_below import split_of

RECIPES: tuple[dict, ...] = (
    {"channels": ("own=1",)},
    {"channels": ("hop=1",)},
    {"channels": ("two-hops=1",)},
    {"channels": ("smooth=1",)},
    {"channels": ("own=1.5", "hop=1", "two-hops=1")},
    {"channels": ("own=1", "smooth=1")},
    {"channels": ("own=1", "smooth=1"), "units": 64},
    {"encoder": "wide"},
)
_GRAPHS = ("cora", "digits", "chameleon", "actor", "tolokers", "wisconsin")
_HALF = Damage("half of the links gone", links=0.5)


def _cosines(first: np.ndarray, second: np.ndarray) -> float:
    """Mean cosine of the same nodes in two embeddings."""
    a, b = (Directions(one)[np.arange(len(one))] for one in (first, second))
    return float(np.einsum("nd,nd->n", a, b).mean())


def criteria_of(data: GraphData, recipe: dict) -> dict[str, float]:
    """What can be measured of a recipe without labels; all the larger, the better."""
    run = make_run(data, make_recipe(PretrainConfig(output="none", **recipe), data))
    found = run.embed(run.initial_weights)
    left, held_out = hold_out_edges(data, 0.1, seed=0)
    run_of_left = make_run(left, make_recipe(PretrainConfig(output="none", **recipe), left))
    rows = Directions(run_of_left.embed(run_of_left.initial_weights))
    linked, others = (link_scores(rows, pairs) for pairs in held_out)
    gap = linked.mean() - others.mean()
    halves = [damaged(data, _HALF, seed) for seed in (0, 1)]
    views = [embed_with(run.initial_weights, half) for half in halves]
    return {
        "linear probe": linear_probe(found, data, split=split_of(data), seeds=3).accuracy,
        "kNN probe": knn_probe(found, data, split=split_of(data), seeds=3).accuracy,
        "RankMe": reference.rankme(found),
        "alignment of neighbours": float(link_scores(Directions(found), data.edge_index).mean()),
        "gap of held-out links": float(gap),
        "gap in deviations": float(gap / np.sqrt((linked.var() + others.var()) / 2 + 1e-12)),
        "stability of half the links": _cosines(*views),
    }


def rank_correlations(found: list[dict[str, float]]) -> dict[str, float]:
    """Of each criterion with the linear probe, in [-1, 1]."""
    truth = [one["linear probe"] for one in found]
    return {
        name: float(scipy.stats.spearmanr(truth, [one[name] for one in found]).statistic)
        for name in list(found[0])[1:]
    }


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.choice", description=__doc__)
    parser.add_argument("graphs", nargs="*", help=f"default: {', '.join(_GRAPHS)}")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    is_first = True
    for name in options.graphs or [one for one in _GRAPHS if has_data(one)]:
        data = GRAPHS[name]()
        found = rank_correlations([criteria_of(data, recipe) for recipe in RECIPES])
        if is_first:
            print(f"| graph | {' | '.join(found)} |")
            print("| --- " * (len(found) + 1) + "|")
        is_first = False
        print(f"| {name} | {' | '.join(f'{value:+.2f}' for value in found.values())} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
