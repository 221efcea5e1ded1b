"""The loss of the global batch of R replicas that train in sync: the public entry.

Every replica returns the loss of all rows of all replicas. Sums over rows are reduced in one of two
ways (docs/theory/derivation.md, section 8), each with a fixed sequence of collectives:

* direct: all-reduce of the first moments, then of the second moments and C;
* gram: all-reduce of the first moments, then all-gather of the rows.

With path="auto" the one is taken whose result is smaller. The number of rows is in general known
only when the step runs, and differs between the replicas, so no replica may decide on its own: the
sum of the first collective decides, and both of the others run in any case, the one that is not
needed with next to nothing to carry. Collectives in the branches of a `tf.cond` would wait for ever
for a replica that takes the other branch, and `MirroredStrategy` refuses them there altogether.
"""

from __future__ import annotations

import threading
import warnings

import tensorflow as tf

from ...context import compiled_by_xla
from ...shapes import sizes
from .. import gram as gram_path
from ..choice import differentiable
from ..direct import FEW_ROWS, Options
from ..entry import barlow_twins_loss, checked
from . import direct
from .collect import fill_slots, first_moments, gather_rows

PARAMETER_SERVER_MESSAGE = (
    "Barlow Twins loss: ParameterServerStrategy has no replicas in sync, so the loss cannot be"
    " reduced over them. Each worker takes the loss of its own batch, as with cross_replica=False."
)
_warned = False
_warned_lock = threading.Lock()


@tf.autograph.experimental.do_not_convert  # no Python control flow depends on a tensor
def barlow_twins_loss_over_replicas(
    z_a: tf.Tensor,
    z_b: tf.Tensor,
    *,
    lambda_: float | tf.Tensor | None = None,
    normalize_batch: bool = True,
    sample_weight: tf.Tensor | None = None,
    epsilon: float = 1e-6,
    ddof: float = 0,
    backend: str = "auto",
    path: str = "auto",
) -> tf.Tensor:
    """`barlow_twins_loss` of the rows of all replicas in sync, of which this is one.

    To be called by every replica, in replica context, under one `tf.distribute` strategy. Where
    `replicas_in_sync` is 1 it is `barlow_twins_loss`.

    The value is the global loss L on each of R replicas. The gradient of a replica's rows is
    R dL/d(rows), what automatic differentiation of an all-reduce gives: divide L by R (Keras does,
    `tf.nn.scale_regularization_loss` does) and sum the gradients of all replicas (optimizers do).

    Args:
        z_a: ``[N, D]``, the rows of this replica; N may differ between replicas, and be 0.
        z_b: the same shape and dtype.
        lambda_: see `barlow_twins_loss`; the same on all replicas, as all that follows.
        normalize_batch: see `barlow_twins_loss`.
        sample_weight: optional ``[N]``; given on all replicas or on none.
        epsilon: see `barlow_twins_loss`.
        ddof: see `barlow_twins_loss`; W is the global one.
        backend: "auto" or "graph". What lies between the collectives is done in plain ops.
        path: "direct", "gram" or "auto", the one with the smaller collectives, see `prefers_gather`
            (in a function that XLA compiles with a dynamic number of rows: "direct").

    Returns:
        Scalar tensor: float32 for half and float32 inputs, float64 for float64.

    Raises:
        NotImplementedError: if a second derivative is asked for.
        TypeError: see `barlow_twins_loss`.
        ValueError: see `barlow_twins_loss`, and for another backend on more than one replica.
    """
    if replicas_in_sync() == 1:
        keywords: dict = {"normalize_batch": normalize_batch, "sample_weight": sample_weight}
        keywords |= {"epsilon": epsilon, "ddof": ddof, "backend": backend, "path": path}
        return barlow_twins_loss(z_a, z_b, lambda_=lambda_, **keywords)
    z_a, z_b, lambda_, sample_weight = checked(
        z_a, z_b, lambda_, sample_weight, epsilon, backend, path
    )
    if backend not in ("auto", "graph"):
        raise ValueError(
            f'backend="{backend}" computes the loss of one replica; over several give "auto", or'
            " cross_replica=False for the loss of each replica's own rows"
        )
    options = Options(bool(normalize_batch), float(epsilon), float(ddof))
    return _loss_over_replicas(z_a, z_b, lambda_, sample_weight, options, path)


def replicas_in_sync() -> int:
    """Over how many replicas a loss that is called here and now is reduced.

    1 in cross-replica context, and under a `ParameterServerStrategy`, whose workers do not wait for
    one another; there it gives one RuntimeWarning per process.
    """
    if not tf.distribute.has_strategy() or tf.distribute.in_cross_replica_context():
        return 1
    strategy = tf.distribute.get_strategy()
    if isinstance(strategy, tf.distribute.experimental.ParameterServerStrategy):
        _warn_about_parameter_servers()
        return 1
    return strategy.num_replicas_in_sync


def prefers_gather(rows, features, itemsize, row_itemsize):
    """Whether the gathered rows are fewer bytes than the reduced matrix.

        row_itemsize * 2 N D  <  itemsize * (D^2 + 8 D)

    (C, and eight vectors: second moments of both views, rest of their means, two rows in full.)

    Args:
        rows: N of all replicas, a number or a float64 scalar tensor.
        features: D.
        itemsize: bytes per number of C, 4 or 8.
        row_itemsize: bytes per number of a row, 2, 4 or 8.

    Returns:
        A bool, or a bool tensor if ``rows`` is one.

    >>> [prefers_gather(n, 256, 4, 4) for n in (64, 131, 132)]
    [True, True, False]
    """
    return row_itemsize * 2 * rows * features < itemsize * (features**2 + 8 * features)


def _loss_over_replicas(z_a, z_b, lambda_, sample_weight, options, path):
    """See `barlow_twins_loss_over_replicas`, which has validated the arguments."""
    wire = z_a.dtype  # rows travel in the dtype they came in
    dtype = lambda_.dtype
    z_a, z_b = tf.cast(z_a, dtype), tf.cast(z_b, dtype)
    views = [tf.stop_gradient(z) for z in (z_a, z_b)]

    first = first_moments(*views, sample_weight, options)
    few_rows = first.positive_rows <= FEW_ROWS
    gram = _prefers_gram(first.rows, z_a, path, dtype.size, wire.size)
    if tf.is_tensor(gram):
        gram = tf.logical_and(gram, tf.logical_not(few_rows))
    if tf.executing_eagerly():  # sums over all replicas: all of them decide alike
        few_rows, gram = bool(few_rows), bool(gram)
    may_reduce, may_gather = gram is not True, gram is not False
    if may_reduce:
        slots = fill_slots(*views, sample_weight, first)
        totals = direct.second_moments(*views, first, slots, gram)
    if may_gather:
        gathered = gather_rows(*views, sample_weight, first, gram, wire)

    def from_moments():
        return direct.loss(z_a, z_b, lambda_, first, totals, options)

    def from_few_rows():
        rows = slots.as_rows_of(z_a, z_b, totals.slots)
        return from_rows(*rows, totals.slot_weights, tf.float64)

    def from_gathered_rows(compute_dtype=dtype):
        return from_rows(*gathered.as_rows_of(z_a, z_b), compute_dtype)

    def from_rows(all_a, all_b, all_weights, compute_dtype):
        tensors = (all_a, all_b, lambda_, all_weights)
        return differentiable(compute_dtype, gram_path, tensors, options)

    few_branch = from_few_rows if may_reduce else lambda: from_gathered_rows(tf.float64)
    branches = [few_branch]
    branches += [from_moments] * may_reduce + [from_gathered_rows] * may_gather
    if tf.executing_eagerly():
        return branches[0 if few_rows else -1]()
    index = tf.where(few_rows, 0, 1 + tf.cast(gram, tf.int32) if len(branches) == 3 else 1)
    return tf.switch_case(index, branches)


def _prefers_gram(rows, z, path, itemsize, row_itemsize):
    """A bool where it is the same on all replicas for sure, else a bool tensor that is."""
    if path != "auto":
        return path == "gram"
    here, features = sizes(z)
    if not compiled_by_xla():
        features = tf.cast(features, tf.float64) if tf.is_tensor(features) else features
        return prefers_gather(tf.cast(rows, tf.float64), features, itemsize, row_itemsize)
    # XLA runs one program on all replicas, of one shape, and needs its shapes now.
    if tf.is_tensor(here) or tf.is_tensor(features):
        return False
    return prefers_gather(here * replicas_in_sync(), features, itemsize, row_itemsize)


def _warn_about_parameter_servers():
    global _warned
    with _warned_lock:
        if not _warned:
            _warned = True
            warnings.warn(PARAMETER_SERVER_MESSAGE, RuntimeWarning, stacklevel=4)
