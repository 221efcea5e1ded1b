"""Which components of a graph are padding: they neither move nor count in a corruption.

`tfgnn.keras.layers.PadToTotalSizes` (and `runner.run` with ``train_padding=``) appends components
at the end of a batch until the totals are as wanted. So in the context and in every node and edge
set the real rows come first, and one number says where the padding starts.

What a layer's ``padding`` argument means:

* ``"auto"``: the components at the end whose every feature value, in the context and all sets, is
  the zero of its dtype (0, False, "", an empty ragged row) are padding: that is what TF-GNN writes
  by default. The first component is always real. A graph without any feature has no padding that
  could be seen, so all of it is real. A real component at the end that is wholly zero is taken for
  padding as well: it keeps its edges, and its zero rows stay out of shuffles. Where that matters,
  or where feature processors turn the zeros into something else (one-hot vectors, hashes), name a
  feature instead.
* a name: the context feature of that name (numbers or bools, ``[components]``) is not zero in the
  real components and zero in the padding. This promises that the graph is padded, so the layers
  that drop edges and nodes keep all total sizes.
* None: there is no padding.
"""

from __future__ import annotations

import math

import tensorflow as tf
import tensorflow_gnn as tfgnn

AUTO = "auto"
# Of each set, in the first look for padding.
_FEATURES_TO_LOOK_AT = 2


def real_components(graph: tfgnn.GraphTensor, padding: str | None = AUTO) -> tf.Tensor | None:
    """The number of components before the padding.

    Args:
        graph: a scalar GraphTensor.
        padding: "auto", the name of a context feature, or None; see the module.

    Returns:
        int32 scalar; None where it is known, without looking at values, that all are real. With
        "auto" in eager mode it is also None if all turn out to be real.

    Raises:
        ValueError: if the named feature does not exist or is not one number or bool per component.
    """
    if padding is None:
        return None
    if padding != AUTO:
        count = _by_feature(graph, padding)
    elif graph.spec.total_num_components == 1 or not _values(graph):
        return None
    else:
        count = _by_zeros(graph)
    if tf.executing_eagerly() and padding == AUTO and int(count) == graph.total_num_components:
        return None
    return count


def real_rows(sizes: tf.Tensor, components: tf.Tensor | None) -> tf.Tensor | None:
    """How many rows of a set are real, int32 scalar; None for all (``components`` None).

    Args:
        sizes: integer ``[components]``, rows in each component.
        components: what `real_components` returned.
    """
    if components is None:
        return None
    is_real = tf.range(tf.size(sizes)) < components
    return tf.cast(tf.reduce_sum(tf.where(is_real, sizes, tf.zeros_like(sizes))), tf.int32)


class KnownPadding:
    """`real_components` of one graph, found once for each setting that is asked for.

    The members of a `Compose` share it: after a corruption that zeroes features, a real component
    could look like padding.
    """

    def __init__(self, graph: tfgnn.GraphTensor):
        self._graph = graph
        self._found: dict[str | None, tf.Tensor | None] = {}

    @tf.autograph.experimental.do_not_convert
    def real_components(self, padding: str | None) -> tf.Tensor | None:
        """See `real_components`."""
        if padding not in self._found:
            self._found[padding] = real_components(self._graph, padding)
        return self._found[padding]


def _by_feature(graph, name):
    features = graph.context.features
    if name not in features:
        raise ValueError(
            f'padding="{name}" is not a context feature of the graph (it has {sorted(features)})'
        )
    value = features[name]
    dense = not isinstance(value, tf.RaggedTensor)
    if not dense or value.dtype == tf.string or value.shape[1:].num_elements() != 1:
        raise ValueError(
            f'padding="{name}" should be a context feature with one number or bool per component'
            f" (got {value.dtype.name} of shape {value.shape})"
        )
    return tf.maximum(_last_true(tf.reshape(_is_not_zero(value), [-1])) + 1, 1)


def _by_zeros(graph):
    """The first look is at the last row of some features; only if all are zero, at everything."""
    total = tf.size(graph.context.sizes)
    seen = [_seen_in_last_component(piece) for piece in _pieces(graph)]

    def everything():
        components = [_last_component(value, sizes) for value, sizes in _values(graph)]
        return tf.maximum(tf.reduce_max(tf.stack(components)) + 1, 1)

    return tf.cond(tf.reduce_any(tf.concat(seen, axis=0)), lambda: total, everything)


def _seen_in_last_component(piece):
    """Bool ``[M]``: entries of the last row that are not zero; False if it is not of the last one.

    One value that is not zero is enough, and each feature costs three ops for every graph: the
    widest features of a set are likely to have one.
    """
    widest = sorted(_usable(piece), key=lambda v: -(v.shape[1:].num_elements() or math.inf))
    last_rows = [
        tf.reshape(_is_not_zero(_flat(value[-1:])), [-1]) for value in widest[:_FEATURES_TO_LOOK_AT]
    ]
    if not last_rows:
        return tf.zeros([0], tf.bool)
    # A set without rows in the last component has nothing to say.
    return tf.concat(last_rows, axis=0) & tf.reduce_any(piece.sizes[-1:] > 0)


def _values(graph):
    """All features of the graph that can say something, with their sets' sizes."""
    return [(value, piece.sizes) for piece in _pieces(graph) for value in _usable(piece)]


def _pieces(graph):
    return [graph.context, *graph.node_sets.values(), *graph.edge_sets.values()]


def _usable(piece):
    return [value for value in piece.features.values() if 0 not in value.shape[1:].as_list()]


def _last_component(value, sizes):
    """The last component that has a value other than zero; -1 if there is none."""
    nested_splits = []
    while isinstance(value, tf.RaggedTensor):
        nested_splits.append(value.row_splits)
        value = value.values
    rows = _is_not_zero(value)
    rows = tf.reduce_any(rows, axis=list(range(1, rows.shape.rank)))
    row = _last_true(rows)
    # Row r belongs to the last segment that starts at or before it; -1 remains -1.
    for splits in reversed(nested_splits):
        row = tf.reduce_sum(tf.cast(splits <= tf.cast(row, splits.dtype), tf.int32)) - 1
        row = tf.minimum(row, tf.size(splits) - 2)
    ends = tf.cumsum(sizes)
    component = tf.reduce_sum(tf.cast(ends <= tf.cast(row, ends.dtype), tf.int32))
    return tf.where(row < 0, -1, component)


def _last_true(flags):
    """Index of the last True in bool ``[N]``, int32; -1 if there is none."""
    indices = tf.where(flags, tf.range(tf.size(flags)), -1)
    return tf.reduce_max(tf.concat([[-1], indices], axis=0))


def _flat(value):
    return value.flat_values if isinstance(value, tf.RaggedTensor) else value


def _is_not_zero(value):
    """True also for NaN."""
    return value if value.dtype == tf.bool else value != tf.zeros([], value.dtype)
