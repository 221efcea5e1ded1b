"""Which backend and which path computes a loss: the cost model behind "auto".

Path: see loss_paths.py.

Backend, from `python -m bench.report` (ratios in docs/benchmarks.md):

* inside a function that XLA compiles, the plain ops: they become part of the surrounding program;
* on a CPU the Numba kernels, which come close to the time of the bare matrix products at every
  size, and are called through `tf.numpy_function`;
* otherwise the plain ops. On a GPU nothing has been measured; "xla" can be asked for.

What Numba cannot do goes to the plain ops as well: a tensor as lambda (it has a gradient of its
own), and workers of parameter servers, which have no Python function to call.
"""

from __future__ import annotations

import tensorflow as tf

BACKENDS = ("auto", "graph", "xla", "numba")


def choose_backend(lambda_) -> str:
    """The backend for a loss that is being traced, or run eagerly, here and now.

    Args:
        lambda_: the loss' argument.

    Returns:
        "graph" or "numba".
    """
    if (
        compiled_by_xla()
        or tf.is_tensor(lambda_)
        or tf.config.list_logical_devices("GPU")
        or tf.config.list_logical_devices("TPU")
        or isinstance(
            tf.distribute.get_strategy(),
            (tf.distribute.experimental.ParameterServerStrategy, tf.distribute.TPUStrategy),
        )
    ):
        return "graph"
    return "numba"


def compiled_by_xla() -> bool:
    """Whether the function that is being traced is to be compiled by XLA."""
    from tensorflow.python.ops import control_flow_util  # no public way to ask

    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())
