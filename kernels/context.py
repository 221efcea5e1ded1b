"""Which backend and which path computes a loss: the cost model behind "auto".

Path: see loss/paths.py.

Backend, from `python -m bench.report` (ratios in docs/results/benchmarks.md):

* inside a function that XLA compiles, the plain ops: they become part of the surrounding program;
* on a CPU the plain ops for small batches, where a call of the host costs more than it saves, and
  the Numba kernels, called through `tf.numpy_function`, from `NUMBA_WORK` operations on: later on
  the direct path, where plain ops spend nearly all of their time in matrix products as well, than
  on the gram path, whose symmetric products TensorFlow computes in full;
* eagerly, too, the Numba kernels, at every size: op by op the plain ops take longer than the call;
* otherwise the plain ops. On a GPU nothing has been measured; "xla" can be asked for.

What Numba cannot do goes to the plain ops as well: a tensor as lambda (it has a gradient of its
own), workers of parameter servers, which have no Python function to call, and NUMBA_DISABLE_JIT.
"""

from __future__ import annotations

import numba
import tensorflow as tf

BACKENDS = ("auto", "graph", "xla", "numba")
# Operations, 6 N D^2 or 6 N^2 D, from which the Numba kernels make up for a call of the host.
NUMBA_WORK = {"direct": 2e9, "gram": 3e8}


def pays_for_host_call(rows, features, gram):
    """Whether the Numba kernels are faster than plain ops.

    Args:
        rows: N, an int or an integer scalar tensor.
        features: D, the same.
        gram: whether the gram path is taken, a bool or a bool tensor.

    Returns:
        A bool, or a bool tensor if an argument is a tensor.
    """
    # In float64 where tensors: the products are more than int32 holds.
    rows, features = (tf.cast(n, tf.float64) if tf.is_tensor(n) else n for n in (rows, features))
    on_direct = 6 * rows * features**2 >= NUMBA_WORK["direct"]
    on_gram = 6 * rows * rows * features >= NUMBA_WORK["gram"]
    if tf.is_tensor(gram):
        return tf.where(gram, on_gram, on_direct)
    return on_gram if gram else on_direct


def can_call_numba(lambda_) -> bool:
    """Whether a loss that is being traced, or run eagerly, here and now can call the host.

    Args:
        lambda_: the loss' argument.
    """
    return can_call_python() and not (
        numba.config.DISABLE_JIT
        or tf.is_tensor(lambda_)
        or tf.config.list_logical_devices("GPU")
        or tf.config.list_logical_devices("TPU")
    )


def can_call_python() -> bool:
    """Whether what is being traced, or run eagerly, can call a Python function of this process."""
    elsewhere = (tf.distribute.experimental.ParameterServerStrategy, tf.distribute.TPUStrategy)
    return not (compiled_by_xla() or isinstance(tf.distribute.get_strategy(), elsewhere))


def compiled_by_xla() -> bool:
    """Whether the function that is being traced is to be compiled by XLA."""
    from tensorflow.python.ops import control_flow_util  # no public way to ask

    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())
