"""Eager calls, ours against upstream's: `python -m bench.loss.eager`.

Debugging, notebooks and custom loops call loss and metrics outside a `tf.function`. There the ops
themselves hardly matter; what matters is how many there are.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from ..measure import measure
from ..metrics.report import metric_of
from ..neighbour import add_option, neighbour
from ..ratios import align, number
from .cases import make_views, parse_shapes
from .contestants import use_all_cores

SHAPES = parse_shapes("128x128,256x256,300x64,1024x512,256x1800")


def _loss_of(views, ours: bool):
    """The loss function of one of the two, with its lambda, and the views as tensors."""
    import tensorflow as tf

    if ours:
        from graph_barlow_twins.kernels import barlow_twins_loss
    else:
        from tensorflow_gnn.models.contrastive_losses.losses import barlow_twins_loss
    lambda_ = 1 / views[0].shape[1]
    return partial(barlow_twins_loss, lambda_=lambda_), [tf.constant(view) for view in views]


def _loss(views, ours: bool):
    loss, tensors = _loss_of(views, ours)
    return lambda: float(loss(*tensors))


def _gradients(views, ours: bool):
    import tensorflow as tf

    loss, tensors = _loss_of(views, ours)

    def call():
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = loss(*tensors)
        return [gradient.numpy() for gradient in tape.gradient(value, tensors)]

    return call


def _update(views, ours: bool):
    import tensorflow as tf

    metric, both = metric_of(ours), tf.stack(views, axis=1)
    return lambda: metric.update_state(None, both)


CALLS = {"loss": _loss, "loss and gradients": _gradients, "AllSvdMetrics.update_state": _update}


def main(arguments=None) -> int:
    """The command line; returns the exit code: 1 if ours is slower anywhere."""
    parser = argparse.ArgumentParser(prog="python -m bench.loss.eager", description=__doc__)
    parser.add_argument("--shapes", type=parse_shapes, default=SHAPES, help="such as 128x128")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of alternation (7)")
    add_option(parser)
    options = parser.parse_args(arguments)
    use_all_cores()
    lines, slower = [["shape", "call", "ours ms", "upstream ms", "upstream / ours"]], False
    with neighbour(options.neighbour):
        for shape in options.shapes:
            for name, call in CALLS.items():
                both = {ours: partial(call, make_views(shape), ours) for ours in (True, False)}
                found = measure(both, rounds=options.rounds, budget=20.0)
                ours, upstream = (found[who].as_row()["median_ms"] for who in (True, False))
                slower = slower or ours > upstream
                ratio = f"{upstream / ours:.2f}x"
                lines.append([str(shape), name, number(ours), number(upstream), ratio])
    print("\n".join(align(lines)))
    return int(slower)


if __name__ == "__main__":
    sys.exit(main())
