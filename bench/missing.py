"""What is training worth where something is missing? `python -m bench.missing [GRAPH ...]`.

Two tables for each graph, with default options, trained less untrained encoder, paired over splits:
probes fitted on the graph as it is, asked about test nodes embedded from a damaged one; and link
prediction, after a tenth of the links was held out.
"""

from __future__ import annotations

import argparse
import functools
import sys
import warnings

from graph_barlow_twins.pretrain.encoder.by_weights import embed_with
from graph_barlow_twins.pretrain.encoder.weights import ENCODER_WEIGHTS
from graph_barlow_twins.pretrain.evaluation.baselines import UNTRAINED
from graph_barlow_twins.pretrain.evaluation.evaluate import evaluate
from graph_barlow_twins.pretrain.evaluation.robustness import Encoder, robustness
from graph_barlow_twins.pretrain.evaluation.table import table
from graph_barlow_twins.pretrain.graph.data import GraphData, LabelledNodes
from graph_barlow_twins.pretrain.graph.held_out import hold_out_edges

from .graphs import GRAPHS, has_data
from .never_below import TRAINED, split_of, trained_run

_DAMAGED = ("cora", "chameleon", "debian")
_HELD_OUT = 0.1


def damages(data: GraphData, options: list[str], splits: int) -> None:
    """Prints a table for each damage, and one of the graph as it is."""
    run, recipe, weights = trained_run(data, options)
    several = {TRAINED: weights, UNTRAINED: run.initial_weights}
    embeddings = {name: [run.embed(one)] for name, one in several.items()}
    encoders: dict[str, list[Encoder]] = {}
    for name, one in several.items():
        if isinstance(one, list):  # of an encoder that is trained by steps
            one = ENCODER_WEIGHTS[recipe.encoder].from_list(one)
        encoders[name] = [functools.partial(embed_with, one)]
    probing = {"split": split_of(data), "seeds": splits}
    clean = evaluate(embeddings, data, clusterings=3, starts=3, **probing)
    found = {"nothing gone": clean} | robustness(encoders, embeddings, data, **probing)
    for damage, results in found.items():
        print(f"{damage}:")
        print(table({name: one.to_dict() for name, one in results.items()}), flush=True)


def links(data: GraphData, options: list[str]) -> None:
    """Prints link prediction, of three draws of the links."""
    for seed in range(3):
        left, held_out = hold_out_edges(data, _HELD_OUT, seed)
        run, _, weights = trained_run(left, options)
        candidates = {TRAINED: run.embed(weights), UNTRAINED: run.embed(run.initial_weights)}
        nodes = LabelledNodes(data.name, data.num_nodes, None)
        found = evaluate(candidates, nodes, held_out=[held_out])
        print(f"a tenth of the links held out, draw {seed}:")
        print(table({name: one.to_dict() for name, one in found.items()}), flush=True)


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.missing", description=__doc__)
    names = ", ".join(GRAPHS)
    parser.add_argument("graphs", nargs="*", help=f"of {names}; default: {', '.join(_DAMAGED)}")
    parser.add_argument("--splits", type=int, default=10, help="random splits, or folds (10)")
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=VALUE")
    parser.add_argument("--links-only", action="store_true", help="leave the damages out")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    for name in options.graphs or [one for one in _DAMAGED if has_data(one)]:
        data = GRAPHS[name]()
        print(f"{data.name}:", flush=True)
        if not options.links_only:
            damages(data, options.set, options.splits)
        links(data, options.set)
    return 0


if __name__ == "__main__":
    sys.exit(main())
