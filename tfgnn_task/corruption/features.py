"""Corruptors of features: shuffles, dropout, masks."""

from __future__ import annotations

import tensorflow as tf

from ...kernels.context import compiled_by_xla
from ...kernels.corruption import features as kernels
from ...kernels.corruption.features import Feature
from ...kernels.random import derive_key
from ...kernels.shapes import num_rows
from .base import PACKAGE, naming
from .by_spec import Corruptor, Rows
from .spec import WILDCARD


@tf.keras.utils.register_keras_serializable(package=PACKAGE)
class ShuffleFeaturesGlobally(Corruptor[float]):
    """Permutes the rows of each feature across all components of the batch, each by itself.

    The parameter is the share of rows to permute, 1 by default. Any dtype, dense and ragged (under
    XLA dense only). Rows of padding components stay where they are and do not count.

    Args:
        corruption_spec: see `Corruptor`.
        default: see `Corruptor`.
        joint: one permutation for all features of a node set (of an edge set, of the context), so
            that a row's features stay together. Their rates have to be equal; features with rate 0
            stay where they are.
        **kwargs: see `Corruptor`.

    Raises:
        ValueError: when called with ``joint``, if the rates of one set differ.
    """

    parameters_are_rates = True

    def __init__(
        self, corruption_spec=None, *, default: float = 1.0, joint: bool = False, **kwargs
    ):
        super().__init__(corruption_spec, default=default, **kwargs)
        self._joint = bool(joint)

    def corrupt_feature(self, value: Feature, parameter: float, key: tf.Tensor) -> Feature:
        """See reference.corruption.shuffle_rows."""
        return self.corrupt_rows(value, parameter, key, Rows())

    @tf.autograph.experimental.do_not_convert
    def corrupt_rows(self, value: Feature, parameter: float, key: tf.Tensor, rows: Rows) -> Feature:
        """See reference.corruption.shuffle_rows."""
        if parameter > 0:
            _refuse_ragged_under_xla(value)
        return kernels.shuffle_rows(value, parameter, key, real_rows=rows.real, ids=rows.ids)

    def _corrupt_features(self, piece, parameters, key, where, rows):
        if not self._joint:
            return super()._corrupt_features(piece, parameters, key, where, rows)
        result = dict(piece.features)
        rates = {name: rate for name, rate in parameters.items() if rate > 0}
        if len(set(rates.values())) > 1:
            raise ValueError(f"joint=True needs one rate for all features of {where} (got {rates})")
        if not rates:
            return result
        first, *_ = rates
        # No feature can be named like the wildcard, so this stream is nobody else's.
        source = kernels.shuffled_row_indices(
            num_rows(result[first]),
            rates[first],
            derive_key(key, WILDCARD),
            real_rows=rows.real,
            ids=rows.ids,
        )
        for name in rates:
            with naming(f'Feature "{name}" of {where}'):
                _refuse_ragged_under_xla(result[name])
            result[name] = tf.gather(result[name], source)
        return result

    def get_config(self) -> dict:
        """See `tf.keras.layers.Layer`."""
        return {**super().get_config(), "joint": self._joint}


class _FloatCorruptor(Corruptor[float]):
    """What dropout and masks share: rates, and only floating features."""

    parameters_are_rates = True
    looks_for_padding = False  # zeros stay zeros

    def __init__(
        self,
        corruption_spec=None,
        *,
        default: float = 0.0,
        skip_non_floating: bool = False,
        **kwargs,
    ):
        super().__init__(corruption_spec, default=default, **kwargs)
        self._skip_non_floating = bool(skip_non_floating)

    def _skips(self, value):
        return self._skip_non_floating and not value.dtype.is_floating

    def get_config(self) -> dict:
        """See `tf.keras.layers.Layer`."""
        return {**super().get_config(), "skip_non_floating": self._skip_non_floating}


@tf.keras.utils.register_keras_serializable(package=PACKAGE)
class DropoutFeatures(_FloatCorruptor):
    """Sets entries to 0 at random and scales the others by ``1 / (1 - rate)``.

    The parameter is the rate, 0 by default. Floating features, dense and ragged.

    Args:
        corruption_spec: see `Corruptor`.
        default: see `Corruptor`.
        skip_non_floating: leave integer, bool and string features alone where their rate comes from
            a wildcard or the default. Otherwise, and where it is given for the feature by name, a
            positive rate for them is a TypeError.
        **kwargs: see `Corruptor`.
    """

    def corrupt_feature(self, value: Feature, parameter: float, key: tf.Tensor) -> Feature:
        """See reference.corruption.dropout."""
        return self.corrupt_rows(value, parameter, key, Rows())

    @tf.autograph.experimental.do_not_convert
    def corrupt_rows(self, value: Feature, parameter: float, key: tf.Tensor, rows: Rows) -> Feature:
        """See reference.corruption.dropout."""
        return kernels.dropout(value, parameter, key, ids=rows.ids)


@tf.keras.utils.register_keras_serializable(package=PACKAGE)
class MaskFeatures(_FloatCorruptor):
    """Sets whole feature columns to 0, the same ones for all rows; no scaling.

    The parameter is the rate, 0 by default. Dense floating features. Which columns are masked
    depends on no row, so not on padding or node ids either. Source: GRACE (Zhu et al. 2020),
    section 3.2.

    Args:
        corruption_spec: see `Corruptor`.
        default: see `Corruptor`.
        skip_non_floating: see `DropoutFeatures`.
        **kwargs: see `Corruptor`.
    """

    def corrupt_feature(self, value: Feature, parameter: float, key: tf.Tensor) -> Feature:
        """See reference.corruption.mask_columns."""
        if parameter == 0:  # the identity for ragged features too
            return value
        return kernels.mask_columns(value, parameter, key)


def _refuse_ragged_under_xla(value):
    if isinstance(value, tf.RaggedTensor) and compiled_by_xla():
        raise ValueError("XLA needs a dense feature to shuffle (got a ragged one)")
