"""Exports compiled programs of loss and gradients, and of a training step, for `bench/gpu/run.py`.

    python -m bench.gpu.export --output FOLDER [--quick]

Each program is a serialised HLO module of a few dozen KB. Inputs are not stored: both halves draw
them from NumPy's PCG64 by the case's seed. The reference is stored in float64: the loss, and
gradients at `SAMPLES` entries.
"""

import argparse
import itertools
import json
from pathlib import Path

import graph_barlow_twins.tfgnn_task  # noqa: F401  (before TensorFlow: it selects Keras 2)
import numpy as np
import tensorflow as tf
from graph_barlow_twins import reference
from graph_barlow_twins.kernels.loss.entry import barlow_twins_loss

from .run import SAMPLES, make_inputs, sample_positions

SHAPES = [
    (128, 128),
    (256, 256),
    (1024, 512),
    (2708, 256),
    (8192, 512),
    (65536, 256),
    (256, 8192),
    (1024, 8192),
]
# Where both paths cost about the same arithmetic: what a cost model has to tell apart.
BOTH_PATHS = [
    *[(512, 1024), (1024, 1024), (1024, 2048), (2048, 1024), (4096, 4096)],
    *[(256, 512), (256, 1024), (256, 2048), (512, 2048), (512, 4096), (1024, 4096), (2048, 4096)],
    *[(2048, 8192), (4096, 8192)],
]
HALF_SHAPES = [(1024, 512), (8192, 512), (256, 8192), (65536, 256)]
STEP = {"rows": 4096, "widths": [512, 512, 256], "projector": [1024, 1024]}


def cases(quick=False):
    """What is exported: a list of dicts, which go into cases.json as they are."""
    if quick:
        both = [{"rows": 96, "features": 64, "path": path} for path in ("direct", "gram")]
        found = [{**one, "dtype": dtype} for one in both for dtype in ("float32", "bfloat16")]
    else:
        found = [
            {"rows": N, "features": D, "path": "gram" if N < D else "direct", "dtype": "float32"}
            for N, D in SHAPES
        ]
        found += [{**one, "dtype": "bfloat16"} for one in found if _shape(one) in HALF_SHAPES]
        found += [
            {"rows": N, "features": D, "path": path, "dtype": "float32"}
            for N, D in BOTH_PATHS
            for path in ("direct", "gram")
        ]
    for number, one in enumerate(found):
        one |= {
            "seed": number,
            "name": f"{one['rows']}x{one['features']}-{one['path']}-{one['dtype']}",
        }
    return found


def export_loss(case, folder):
    """Writes NAME.hlo and NAME.npz of a case."""
    path = case["path"]

    @tf.function(jit_compile=True)
    def loss_and_gradients(z_a, z_b):
        with tf.GradientTape() as tape:
            tape.watch([z_a, z_b])
            loss = barlow_twins_loss(z_a, z_b, path=path)
        return (loss, *tape.gradient(loss, [z_a, z_b]))

    arrays = make_inputs(case)
    _write_program(loss_and_gradients, [tf.constant(one) for one in arrays], case, folder)
    loss, *gradients = reference.barlow_twins_loss_and_gradients(
        *(one.astype(np.float64) for one in arrays)
    )
    positions = sample_positions(case)
    sampled = [gradient.reshape(-1)[positions] for gradient in gradients]
    np.savez(folder / f"{case['name']}.npz", loss=loss, grad_a=sampled[0], grad_b=sampled[1])


def export_step(folder, sizes=STEP):
    """Writes a whole training step: two views through encoder and projector, loss, Adam.

    The weights go in and come out, so that a loop can feed them back. Returns the case.
    """
    widths = [*sizes["widths"], *sizes["projector"]]
    shapes = list(itertools.pairwise(widths))
    linear = {len(sizes["widths"]) - 2, len(shapes) - 1}  # no activation behind encoder, projector

    def forward(rows, weights):
        for number, one in enumerate(weights):
            rows = tf.matmul(rows, one)
            rows = rows if number in linear else tf.nn.relu(rows)
        return rows

    @tf.function(jit_compile=True)
    def step(x_a, x_b, weights, momenta, squares):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss = barlow_twins_loss(forward(x_a, weights), forward(x_b, weights))
        gradients = tape.gradient(loss, weights)
        momenta = [0.9 * m + 0.1 * g for m, g in zip(momenta, gradients, strict=True)]
        squares = [0.999 * s + 0.001 * g * g for s, g in zip(squares, gradients, strict=True)]
        weights = [
            w - 1e-3 * m / (tf.sqrt(s) + 1e-7)
            for w, m, s in zip(weights, momenta, squares, strict=True)
        ]
        return loss, weights, momenta, squares

    case = {
        "name": "step",
        "kind": "step",
        "rows": sizes["rows"],
        "features": widths[0],
        "dtype": "float32",
        "seed": 1000,
        "weights": shapes,
        "linear": sorted(linear),
    }
    rng = np.random.default_rng(case["seed"] + 1)
    weights = [
        tf.constant(rng.standard_normal(shape) / np.sqrt(shape[0]), tf.float32) for shape in shapes
    ]
    zeros = [tf.zeros_like(one) for one in weights]
    views = [tf.constant(one) for one in make_inputs(case)]
    _write_program(step, [*views, weights, zeros, zeros], case, folder)
    projections = []
    for rows in make_inputs(case):
        rows = rows.astype(np.float64)
        for number, one in enumerate(weights):
            rows = rows @ one.numpy().astype(np.float64)
            rows = rows if number in linear else np.maximum(rows, 0)
        projections.append(rows)
    loss = reference.barlow_twins_loss(*projections)
    np.savez(folder / "step.npz", loss=loss, **{f"w{i}": w for i, w in enumerate(weights)})
    return case


def _write_program(function, arguments, case, folder):
    compiler_ir = function.experimental_get_compiler_ir(*arguments)
    (folder / f"{case['name']}.hlo").write_bytes(compiler_ir(stage="hlo_serialized"))


def _shape(case):
    return case["rows"], case["features"]


def main(argv=None):
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True, type=Path, help="folder for the programs")
    parser.add_argument("--quick", action="store_true", help="a few small shapes, for tests")
    arguments = parser.parse_args(argv)
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    chosen = cases(arguments.quick)
    for case in chosen:
        export_loss(case, folder)
        print(case["name"], flush=True)
    small = {"rows": 64, "widths": [16, 16, 8], "projector": [24]}
    chosen.append(export_step(folder, small if arguments.quick else STEP))
    content = {"tensorflow": tf.__version__, "samples": SAMPLES, "cases": chosen}
    (folder / "cases.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
