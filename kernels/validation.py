"""Checks of arguments at the public boundary; each error quotes what was expected and what came."""

from __future__ import annotations

FLOAT_DTYPES = ("float16", "bfloat16", "float32", "float64")


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
    shapes = [_shape(z) for z in (z_a, z_b)]
    if any(isinstance(shape, str) or len(shape) != 2 for shape in shapes):
        raise ValueError(f"expected two views of shape [N, D] (got {shapes[0]} and {shapes[1]})")
    if any(None not in pair and pair[0] != pair[1] for pair in zip(*shapes, strict=True)):
        raise ValueError(f"expected two views of one shape (got {shapes[0]} and {shapes[1]})")
    if shapes[0][1] == 0 or shapes[1][1] == 0:
        raise ValueError(f"expected at least one feature (got shape {shapes[0]})")


def check_sample_weight(sample_weight, rows: int | None) -> None:
    """A vector with one weight per row.

    Raises:
        ValueError: for another shape.
    """
    shape = _shape(sample_weight)
    if (
        isinstance(shape, str)
        or len(shape) != 1
        or (None not in (shape[0], rows) and shape[0] != rows)
    ):
        raise ValueError(f"expected sample_weight of shape [{rows or 'N'}] (got {shape})")


def check_not_negative(sample_weight) -> None:
    """No negative or NaN entry in an array of weights.

    Raises:
        ValueError: otherwise.
    """
    if not (sample_weight >= 0).all():
        raise ValueError(f"sample_weight should not be negative or NaN (got {sample_weight.min()})")


def check_positive(name: str, value: float) -> None:
    """A positive number; NaN is none.

    Raises:
        ValueError: otherwise.
    """
    if not value > 0:
        raise ValueError(f"{name} should be positive (got {value})")


def check_epsilon(epsilon: float) -> None:
    """`check_positive` for what is added to variances."""
    check_positive("epsilon", epsilon)


def check_rate(rate: float) -> None:
    """A probability in [0, 1]; NaN is not.

    Raises:
        ValueError: otherwise.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate should be in [0, 1] (got {rate})")


def check_choice(name: str, value: str, choices) -> None:
    """One of the choices.

    Raises:
        ValueError: otherwise.
    """
    if value not in choices:
        raise ValueError(f"{name} should be one of {', '.join(choices)} (got {value!r})")


def _shape(value) -> tuple | str:
    """The sizes, None where one is not static; a tensor may not even know their number."""
    return "unknown rank" if getattr(value.shape, "rank", 0) is None else tuple(value.shape)
