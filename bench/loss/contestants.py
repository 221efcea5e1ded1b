"""Who is compared: ours, upstream, PyTorch, and the floor of bare matrix products.

A contestant's `setup(z_a, z_b, what)` returns a function without arguments that computes the loss
and both gradients (`what="gradients"`) or the loss alone (`what="forward"`) and returns when that
is done: `(loss, gradient, gradient)` or `(loss,)`. Conversions of the inputs belong to the setup.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from .cases import Case

WHAT = ("gradients", "forward")
# The machine for which a contestant may still form a matrix has 24 GB, and most form several.
_MATRIX_LIMIT = 4e9
_EPSILON = 1e-6  # upstream's


@dataclass(frozen=True)
class Contestant:
    """One way to compute the loss.

    Attributes:
        name: Key of its rows in bench/results/.
        setup: See above.
        path: "direct" if it forms the D x D matrix, "gram" for N x N, "auto" for the smaller one.
        needs: Module without which it cannot run.
        has_loss: Whether it returns a loss; the floor does not.
    """

    name: str
    setup: Callable
    path: str = "direct"
    needs: str | None = None
    has_loss: bool = True

    def reason_to_skip(self, case: Case) -> str | None:
        """Why it cannot run at a shape, or None if it can."""
        if self.needs and importlib.util.find_spec(self.needs) is None:
            return f"{self.needs} is not installed"
        side = {"direct": case.d, "gram": case.n, "auto": min(case)}[self.path]
        if 4 * side**2 > _MATRIX_LIMIT:
            return f"each {side} x {side} float32 matrix takes {4 * side**2 / 1e9:.1f} GB"
        return None


def use_all_cores() -> int:
    """Gives TensorFlow and PyTorch as many threads as this process has cores, and no GPU.

    Call before TensorFlow runs its first op.

    Returns:
        The number of cores.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import graph_barlow_twins  # noqa: F401 - selects Keras 2 before TensorFlow is loaded
    import tensorflow as tf

    # It warns of retracing: each contestant is a function of its own.
    tf.get_logger().setLevel("ERROR")
    cores = len(os.sched_getaffinity(0))
    tf.config.set_visible_devices([], "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(cores)
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(cores)
    return cores


def _numpy(z_a, z_b, what, path):
    from graph_barlow_twins.kernels.loss.numba import entry as loss_numba

    if what == "forward":
        return lambda: (loss_numba.barlow_twins_loss(z_a, z_b, path=path),)
    return lambda: loss_numba.barlow_twins_loss_and_gradients(z_a, z_b, path=path)


def _tensorflow(z_a, z_b, what, loss_fn, jit_compile=None):
    """`loss_fn` in a tf.function, the views its arguments: as constants they would be folded."""
    import tensorflow as tf

    z_a, z_b = tf.constant(z_a), tf.constant(z_b)

    @tf.function(jit_compile=jit_compile)
    def compute(z_a, z_b):
        if what == "forward":
            return (loss_fn(z_a, z_b),)
        with tf.GradientTape() as tape:
            tape.watch([z_a, z_b])
            loss = loss_fn(z_a, z_b)
        return loss, *tape.gradient(loss, [z_a, z_b])

    def call():
        results = compute(z_a, z_b)
        results[0].numpy()  # waits; on a CPU all results of one function are ready together
        return results

    return call


def _ours(z_a, z_b, what, backend, path):
    from graph_barlow_twins.kernels.loss.entry import barlow_twins_loss

    return _tensorflow(z_a, z_b, what, partial(barlow_twins_loss, backend=backend, path=path))


def _upstream(z_a, z_b, what, jit_compile=None):
    import graph_barlow_twins  # noqa: F401 - selects Keras 2 before TF-GNN is loaded
    from tensorflow_gnn.models.contrastive_losses.losses import barlow_twins_loss

    return _tensorflow(z_a, z_b, what, barlow_twins_loss, jit_compile)


def _tf_call(z_a, z_b, what):
    """A tf.function that computes nothing: what calling one costs, ours or upstream's."""
    import tensorflow as tf

    z_a, z_b = tf.constant(z_a), tf.constant(z_b)
    compute = tf.function(lambda z_a, z_b: (z_a[0, 0] * z_b[0, 0], z_a, z_b))
    return lambda: compute(z_a, z_b)[0].numpy()


def _torch(z_a, z_b, what):
    """The paper's code (github.com/facebookresearch/barlowtwins, main.py), lambda 1 / D."""
    import torch

    z_a = torch.from_numpy(z_a.copy()).requires_grad_(what == "gradients")
    z_b = torch.from_numpy(z_b.copy()).requires_grad_(what == "gradients")
    n, d = z_a.shape

    def standardize(z):
        return torch.nn.functional.batch_norm(z, None, None, training=True, eps=_EPSILON)

    def off_diagonal(c):
        return c.flatten()[:-1].view(d - 1, d + 1)[:, 1:].flatten()

    def loss_fn():
        c = standardize(z_a).T @ standardize(z_b) / n
        on_diagonal = torch.diagonal(c).add(-1).pow(2).sum()
        return on_diagonal + off_diagonal(c).pow(2).sum() / d

    def forward():
        with torch.no_grad():
            return (loss_fn(),)

    def gradients():
        loss = loss_fn()
        return loss.detach(), *torch.autograd.grad(loss, [z_a, z_b])

    return forward if what == "forward" else gradients


def _floor(z_a, z_b, what):
    """The matrix products of the cheaper path by NumPy's threaded BLAS, into existing memory.

    Products of a matrix with its own transpose run as `syrk` at half the work, as in our kernel.
    """
    n, d = z_a.shape
    side = min(n, d)
    first, second = np.empty((2, side, side), np.float32)
    out_a, out_b = (np.empty_like(z_a), np.empty_like(z_b)) if what == "gradients" else (None, None)

    def direct():
        np.matmul(z_a.T, z_b, out=first)
        if out_a is not None:
            np.matmul(z_b, first.T, out=out_a)
            np.matmul(z_a, first, out=out_b)

    def gram():
        np.matmul(z_a, z_a.T, out=first)
        np.matmul(z_b, z_b.T, out=second)
        if out_a is not None:
            np.matmul(second, z_a, out=out_a)
            np.matmul(first, z_b, out=out_b)

    return direct if Case(n, d).path == "direct" else gram


def _our_paths(backend):
    """A backend of ours in TensorFlow, on each path."""
    for path in ("auto", "direct", "gram"):
        name = f"tf-{backend}" if path == "auto" else f"tf-{backend}-{path}"
        yield Contestant(name, partial(_ours, backend=backend, path=path), path)


# What the report's table is made of.
MAIN = (
    Contestant("floor", _floor, "auto", has_loss=False),
    Contestant("numpy", partial(_numpy, path="auto"), "auto"),
    Contestant("tf-call", _tf_call, "auto", has_loss=False),
    Contestant("tf-auto", partial(_ours, backend="auto", path="auto"), "auto"),
    Contestant("upstream", _upstream),
    Contestant("upstream-jit", partial(_upstream, jit_compile=True)),
    Contestant("torch", _torch, needs="torch"),
)
# Every other backend and path; "tf-auto" is the Numba kernel on a CPU.
OTHERS = (
    Contestant("numpy-direct", partial(_numpy, path="direct")),
    Contestant("numpy-gram", partial(_numpy, path="gram"), "gram"),
    *_our_paths("numba"),
    *_our_paths("graph"),
    *_our_paths("xla"),
)
BY_NAME = {contestant.name: contestant for contestant in (*MAIN, *OTHERS)}
