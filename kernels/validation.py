"""Checks of arguments at the public boundary; each error quotes what was expected and what came."""

from __future__ import annotations

import numpy as np

FLOAT_DTYPES = ("float16", "bfloat16", "float32", "float64")
# What a variance, plus epsilon, may be for the loss to be a number, by the dtype of computation; so
# products of two standard deviations, of their inverses and of gradients stay clear of the ends.
VARIANCES = {np.float32: (2.0**-104, 2.0**90), np.float64: (2.0**-832, 2.0**720)}


def check_views(z_a, z_b) -> None:
    """Two matrices of one floating dtype and one shape, as far as shapes are static.

    Raises:
        TypeError: for another dtype, or two different ones.
        ValueError: for another rank, or shapes that cannot be equal.
    """
    names = [z.dtype.name for z in (z_a, z_b)]
    if names[0] not in FLOAT_DTYPES or names[0] != names[1]:
        raise TypeError(
            f"expected two views of one dtype among {', '.join(FLOAT_DTYPES)}"
            f" (got {names[0]} and {names[1]})"
        )
    shapes = [_static_shape(z) for z in (z_a, z_b)]
    if any(not isinstance(shape, tuple) or len(shape) != 2 for shape in shapes):
        raise ValueError(f"expected two views of shape [N, D] (got {shapes[0]} and {shapes[1]})")
    if any(None not in pair and pair[0] != pair[1] for pair in zip(*shapes, strict=True)):
        raise ValueError(f"expected two views of one shape (got {shapes[0]} and {shapes[1]})")
    if shapes[0][1] == 0 or shapes[1][1] == 0:
        raise ValueError(f"expected at least one feature (got shape {shapes[0]})")


def check_sample_weight(sample_weight, rows: int | None) -> None:
    """ValueError unless it is a vector with one weight per row, as far as shapes are static."""
    shape = _static_shape(sample_weight)
    known = isinstance(shape, tuple) and len(shape) == 1
    if not known or (None not in (shape[0], rows) and shape[0] != rows):
        expected = "N" if rows is None else rows
        raise ValueError(f"expected sample_weight of shape [{expected}] (got {shape})")


def check_not_negative(sample_weight) -> None:
    """ValueError if an entry of an array of weights is negative, infinite or NaN."""
    # NaN is neither; two reductions cost a small loss less than a mask.
    if not (sample_weight.min(initial=0) >= 0 and sample_weight.max(initial=0) < np.inf):
        first = sample_weight[~((sample_weight >= 0) & (sample_weight < np.inf))][0]
        raise ValueError(f"sample_weight should be finite and not negative (got {first})")


def check_positive(name: str, value: float) -> None:
    """ValueError unless it is a positive number; NaN is none."""
    if not value > 0:
        raise ValueError(f"{name} should be positive (got {value})")


def check_epsilon(epsilon: float) -> None:
    """`check_positive` for what is added to variances."""
    check_positive("epsilon", epsilon)


def check_rate(rate: float) -> None:
    """ValueError unless it is a probability in [0, 1]; NaN is none."""
    if not 0 <= rate <= 1:
        raise ValueError(f"rate should be in [0, 1] (got {rate})")


def check_choice(name: str, value: str, choices) -> None:
    """ValueError unless the value is one of the choices."""
    if value not in choices:
        raise ValueError(f"{name} should be one of {', '.join(choices)} (got {value!r})")


def _static_shape(value) -> tuple[int | None, ...] | str:
    """None for each size that is not known yet; a word for a tensor of unknown rank."""
    return "unknown rank" if getattr(value.shape, "rank", 0) is None else tuple(value.shape)
