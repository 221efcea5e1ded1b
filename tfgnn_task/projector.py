"""Projectors: what stands between representation and loss, and is thrown away after training."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

# PyTorch's defaults, with which the paper's head was trained (Keras counts momentum the other way).
_BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}


def check_projector(projector_units, projector) -> None:
    """Refuses arguments that `make_projector` cannot use.

    Raises:
        TypeError: if one of them is of another type.
        ValueError: if both are given, or a size is not a positive integer.
    """
    is_sequence = isinstance(projector_units, Sequence) and not isinstance(projector_units, str)
    if projector_units is not None and not is_sequence:
        raise TypeError(f"projector_units should be a sequence (got {projector_units!r})")
    if projector_units:
        _positive_integers(projector_units, "projector_units should be sizes such as [512, 512]")
    if projector is None:
        return
    if projector_units:
        raise ValueError(
            "give projector_units or projector, not both"
            f" (got {projector_units!r} and {projector!r})"
        )
    if not isinstance(projector, tf.keras.layers.Layer):
        _units(projector)


def make_projector(projector_units, projector) -> tf.keras.layers.Layer | None:
    """The projector that the arguments of a task describe, under the current policy and strategy.

    Args:
        projector_units: sizes of layers (Dense, ReLU each), or None or empty.
        projector: a Keras layer, which is returned, or sizes as for `projector_head`; or None.

    Returns:
        A layer from ``[rows, D]`` to ``[rows, sizes[-1]]``; None if neither argument is given.

    Raises:
        TypeError, ValueError: see `check_projector`.
    """
    check_projector(projector_units, projector)
    if projector_units:
        return tf.keras.Sequential(
            [tf.keras.layers.Dense(units, "relu") for units in projector_units]
        )
    if projector is None or isinstance(projector, tf.keras.layers.Layer):
        return projector
    return projector_head(projector)


def project(
    views: Sequence[tf.Tensor], projector: tf.keras.layers.Layer, *, at_once: bool
) -> tf.Tensor:
    """The projections of some views, stacked: ``[rows, views, D']``.

    Args:
        views: ``[rows, D]`` each.
        projector: what `make_projector` returned.
        at_once: whether to call the projector once, with the rows of all views: only if what it
            makes of a row depends on no other row. Large layers then read their weights, and write
            the gradients of them, once instead of once per view and once more for the sum.
    """
    if not at_once:
        return tf.stack([projector(view) for view in views], axis=1)
    stacked = tf.stack(views, axis=1)
    projections = projector(tf.reshape(stacked, [-1, stacked.shape[-1]]))
    return tf.reshape(projections, [-1, len(views), projections.shape[-1]])


def projector_head(units: str | Sequence[int]) -> tf.keras.Sequential:
    """The paper's head: linear layers without bias, batch norm and ReLU after all but the last.

    Under a strategy with several replicas in sync the batch norm is over the global batch. It
    normalises each view by itself, as the paper's code does, and knows nothing of sample weights:
    rows of padding count in its mean and variance.

    Args:
        units: sizes of the linear layers, ``[8192, 8192, 8192]`` or ``"8192-8192-8192"`` in the
            paper.

    Raises:
        TypeError: if units is neither a string nor a sequence.
        ValueError: if it is empty, or a size is not a positive integer.

    Source: Zbontar et al. 2021, https://arxiv.org/abs/2103.03230, section 2.2.
    """
    *hidden, last = _units(units)
    synchronized = tf.distribute.get_strategy().num_replicas_in_sync > 1
    layers = []
    for size in hidden:
        layers += [
            tf.keras.layers.Dense(size, use_bias=False),
            tf.keras.layers.BatchNormalization(synchronized=synchronized, **_BATCH_NORM),
            tf.keras.layers.ReLU(),
        ]
    layers.append(tf.keras.layers.Dense(last, use_bias=False))
    return tf.keras.Sequential(layers, name="projector")


def _units(units):
    """A non-empty list of positive integers."""
    expected = 'projector should be a Keras layer, or sizes such as "512-512" or [512, 512]'
    if not isinstance(units, (str, Sequence)):
        raise TypeError(f"{expected} (got {units!r})")
    return _positive_integers(units, expected)


def _positive_integers(units, expected):
    given = units.split("-") if isinstance(units, str) else list(units)
    try:
        sizes = [int(size) for size in given]
    except (TypeError, ValueError, OverflowError):  # None, "a", infinity
        sizes = []
    if not sizes or min(sizes) < 1 or not (isinstance(units, str) or sizes == given):
        raise ValueError(f"{expected} (got {units!r})")
    return sizes
