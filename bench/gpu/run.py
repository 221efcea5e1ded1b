"""Checks and times exported programs on the device that JAX finds; needs JAX, not TensorFlow.

    python bench/gpu/run.py FOLDER [--output ROWS.jsonl]

FOLDER is what `python -m bench.gpu.export` wrote. Every program is compiled for the device, its
loss and gradients are compared with the float64 reference stored beside it, and it is timed in turn
with its rivals: a plain JAX formula under `jax.jit`, the batch-norm form in PyTorch, and the bare
matrix products that no version can do without. One row of JSON for each.
"""

import argparse
import functools
import importlib.util
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

SAMPLES = 4096
# Relative errors beyond which a program counts as wrong. The matrix units round float32 operands to
# tf32 (10 bits) unless told otherwise; bfloat16 has 8 bits, and its gradients are rounded to them.
MOST_ERROR = {"float32": 5e-3, "bfloat16": 2e-2}
ROUNDS, SECONDS_PER_TURN = 9, 0.02


def make_inputs(case):
    """Two correlated views [N, D] of the case's dtype, the same on every machine."""
    import ml_dtypes

    dtype = np.dtype(ml_dtypes.bfloat16) if case["dtype"] == "bfloat16" else np.dtype(np.float32)
    rng = np.random.default_rng(case["seed"])
    shape = case["rows"], case["features"]
    common = rng.standard_normal(shape, np.float32)
    noise = [rng.standard_normal(shape, np.float32) for _ in range(2)]
    return [(common + 0.5 * one).astype(dtype) for one in noise]


def sample_positions(case):
    """Entries of the flattened gradients that are compared, int64 [SAMPLES]."""
    size = case["rows"] * case["features"]
    return np.random.default_rng(case["seed"] + 1).integers(size, size=SAMPLES)


def load_program(path):
    """The program in an .hlo file, compiled for JAX's first device: arrays to a list of arrays."""
    import jax
    from jax._src import xla_bridge
    from jax._src.lib import _jax, xla_client

    computation = xla_client.XlaComputation(Path(path).read_bytes())
    module = _jax.mlir.xla_computation_to_mlir_module(computation)
    client = xla_bridge.get_backend()
    devices = xla_client.DeviceList(tuple(jax.devices()[:1]))
    program = client.compile_and_load(module, devices, xla_client.CompileOptions())

    def run(*arrays):
        outputs = program.execute_sharded(list(arrays))
        return [one[0] for one in outputs.disassemble_into_single_device_arrays()]

    return run


def plain_loss(z_a, z_b, precision=None):
    """The loss as a formula in JAX, [N, D] each."""
    import jax.numpy as jnp

    z_a, z_b = (z.astype(jnp.float32) for z in (z_a, z_b))
    N, D = z_a.shape
    z_a, z_b = ((z - z.mean(0)) / jnp.sqrt(z.var(0) + 1e-6) for z in (z_a, z_b))
    C = jnp.matmul(z_a.T, z_b, precision=precision) / N
    diagonal = jnp.diagonal(C)
    return ((1 - diagonal) ** 2).sum() + ((C**2).sum() - (diagonal**2).sum()) / D


def jax_contestants(case, program, views):
    """``{name: function that starts one evaluation and returns what to wait for}``."""
    import jax
    import jax.numpy as jnp

    def products(left, right):
        """Those of the cheaper path: three with a D x D matrix, or the four of the gram path."""
        if left.shape[0] >= left.shape[1]:
            C = left.T @ right
            return right @ C.T, left @ C
        K_a, K_b = left @ left.T, right @ right.T
        return K_b @ left, K_a @ right

    formula = jax.jit(jax.value_and_grad(plain_loss, argnums=(0, 1)))
    exact = jax.jit(
        jax.value_and_grad(functools.partial(plain_loss, precision="highest"), argnums=(0, 1))
    )
    bare = jax.jit(products)
    rows = [jnp.asarray(one) for one in views]
    contestants = {
        "ours": lambda: program(*rows),
        "JAX formula": lambda: formula(*rows),
        "bare products": lambda: bare(*rows),
    }
    if case["dtype"] == "float32":
        contestants["JAX formula, full float32"] = lambda: exact(*rows)
    if case["rows"] < case["features"] and case["features"] > 20_000:
        contestants.pop("JAX formula")  # D x D would not fit
    return contestants


def torch_contestant(views):
    """The batch-norm form of the paper's code in PyTorch on its GPU; None without one."""
    if importlib.util.find_spec("torch") is None:
        return None, None
    import torch

    if not torch.cuda.is_available():
        return None, None
    torch.backends.cuda.matmul.allow_tf32 = True  # as XLA does
    bfloat16 = views[0].dtype != np.float32
    tensors = [torch.tensor(one.astype(np.float32), device="cuda") for one in views]
    if bfloat16:
        tensors = [one.bfloat16() for one in tensors]
    N, D = views[0].shape
    norm = torch.nn.BatchNorm1d(D, affine=False, eps=1e-6, track_running_stats=False).cuda()

    def run():
        z_a, z_b = (one.detach().requires_grad_() for one in tensors)
        C = norm(z_a).T @ norm(z_b) / N
        on = torch.diagonal(C).add(-1).pow(2).sum()
        off = (C.pow(2).sum() - torch.diagonal(C).pow(2).sum()) / D
        (on + off).backward()
        return z_a.grad, z_b.grad

    return run, torch.cuda.synchronize


def relative_error(found, expected):
    """Root mean square of the difference, relative to that of what is expected."""
    found, expected = (np.asarray(one, np.float64) for one in (found, expected))
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def check(case, outputs, stored):
    """Relative errors of loss and gradients against the stored reference.

    Raises:
        ValueError: if one is larger than `MOST_ERROR`, or not a number.
    """
    positions = sample_positions(case)
    errors = {"loss": relative_error(outputs[0], stored["loss"])}
    for name, gradient in zip(("grad_a", "grad_b"), outputs[1:], strict=True):
        errors[name] = relative_error(np.asarray(gradient).reshape(-1)[positions], stored[name])
    bad = {k: v for k, v in errors.items() if not v < MOST_ERROR[case["dtype"]]}
    if bad:
        raise ValueError(f"{case['name']}: relative errors {bad}")
    return errors


def time_in_turns(contestants, wait, rounds=ROUNDS):
    """Milliseconds of each contestant, one value a round; several calls between two waits."""
    calls = {}
    for name, run in contestants.items():
        wait(run())
        start = time.perf_counter()
        wait(run())
        calls[name] = max(1, int(SECONDS_PER_TURN / max(time.perf_counter() - start, 1e-6)))
    times = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            start = time.perf_counter()
            for _ in range(calls[name]):
                last = run()
            wait(last)
            times[name].append(1e3 * (time.perf_counter() - start) / calls[name])
    return times


def run_loss(case, folder):
    """Rows of a case: errors and times of the program and its rivals."""
    import jax

    views = make_inputs(case)
    start = time.perf_counter()
    program = load_program(folder / f"{case['name']}.hlo")
    compile_seconds = time.perf_counter() - start
    with np.load(folder / f"{case['name']}.npz") as stored:
        arrays = [jax.numpy.asarray(one) for one in views]
        errors = check(case, program(*arrays), stored)
    contestants = jax_contestants(case, program, views)
    times = time_in_turns(contestants, jax.block_until_ready)
    torch_run, synchronize = torch_contestant(views)
    if torch_run is not None:
        again = {"PyTorch batch norm": torch_run}
        times |= time_in_turns(again, lambda _: synchronize())
    return {"errors": errors, "compile_seconds": compile_seconds, "times_ms": times}


def run_step(case, folder):
    """The exported training step, against the same step in JAX."""
    import jax
    import jax.numpy as jnp

    program = load_program(folder / "step.hlo")
    with np.load(folder / "step.npz") as stored:
        weights = [jnp.asarray(stored[f"w{i}"]) for i in range(len(case["weights"]))]
        expected = float(stored["loss"])
    views = [jnp.asarray(one) for one in make_inputs(case)]
    zeros = [jnp.zeros_like(one) for one in weights]
    state = [*weights, *zeros, *zeros]
    error = relative_error(program(*views, *state)[0], expected)
    if not error < MOST_ERROR["float32"]:
        raise ValueError(f"step: relative error of the loss {error}")

    def loss_of(weights):
        def forward(rows):
            for number, one in enumerate(weights):
                rows = rows @ one
                rows = rows if number in case["linear"] else jax.nn.relu(rows)
            return rows

        return plain_loss(*map(forward, views))

    @jax.jit
    def step(weights, momenta, squares):
        loss, gradients = jax.value_and_grad(loss_of)(weights)
        momenta = [0.9 * m + 0.1 * g for m, g in zip(momenta, gradients, strict=True)]
        squares = [0.999 * s + 0.001 * g * g for s, g in zip(squares, gradients, strict=True)]
        weights = [
            w - 1e-3 * m / (jnp.sqrt(s) + 1e-7)
            for w, m, s in zip(weights, momenta, squares, strict=True)
        ]
        return loss, weights, momenta, squares

    contestants = {
        "ours": lambda: program(*views, *state),
        "JAX formula": lambda: step(weights, zeros, zeros),
    }
    times = time_in_turns(contestants, jax.block_until_ready)
    return {"errors": {"loss": error}, "times_ms": times}


def main(argv=None):
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what bench.gpu.export wrote")
    parser.add_argument("--output", type=Path, help="file for the rows, one JSON object a line")
    arguments = parser.parse_args(argv)
    import jax

    content = json.loads((arguments.folder / "cases.json").read_text("utf-8"))
    device = {
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "tensorflow": content["tensorflow"],
    }
    rows, failed = [], 0
    for case in content["cases"]:
        try:
            run = run_step if case.get("kind") == "step" else run_loss
            found = run(case, arguments.folder)
        except Exception as error:  # one case that does not fit does not cost the others
            found, failed = {"error": f"{type(error).__name__}: {error}"[:300]}, failed + 1
        rows.append({**device, **case, **found})
        medians = {k: statistics.median(v) for k, v in found.get("times_ms", {}).items()}
        shown = "  ".join(f"{name} {value:.3f}" for name, value in medians.items())
        print(case["name"], found.get("error") or found["errors"], "ms:", shown, flush=True)
        if arguments.output:
            text = "".join(json.dumps(one) + "\n" for one in rows)
            arguments.output.write_text(text, "utf-8")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
