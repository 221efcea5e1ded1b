"""Views and weights at the ends of what floats hold, and what a loss of them may be.

A result is right, or it is not finite. Where the rule of reference/loss.py finds the views in the
range of the dtype of computation it is right.
"""

from typing import Any, NamedTuple

import numpy as np
from graph_barlow_twins import reference
from graph_barlow_twins.kernels.validation import VARIANCES

from tests.tolerances import tolerance
from tests.views import DTYPES

# Of few shapes, because XLA compiles one program for each.
SHAPES = ((9, 5), (5, 9))
OPTIONS = ({}, {"epsilon": 1e-30, "ddof": 1}, {"normalize_batch": False})
# Powers of ten between which scales are drawn.
DECADES = {
    "float16": (-8, 4.5),
    "bfloat16": (-39, 38),
    "float32": (-39, 38),
    "float64": (-300, 300),
}
KINDS = ("scale", "columns", "entry", "row", "offset", "constant", "nonfinite", "ordinary")
WEIGHTS = ("none", "one scale", "spread", "padding")


class Case(NamedTuple):
    """Arguments of a loss."""

    a: np.ndarray
    b: np.ndarray
    weights: np.ndarray | None
    options: dict[str, Any]


def make_case(seed, dtype):
    """A case by its number: kinds of views and of weights, options and shapes, all mixed."""
    rng = np.random.default_rng([seed, list(DTYPES).index(dtype)])
    shape = SHAPES[seed % 2]
    views = [_damaged(rng.normal(size=shape), rng, dtype) for _ in range(2)]
    with np.errstate(over="ignore"):
        a, b = (view.astype(DTYPES[dtype]) for view in views)
    return Case(a, b, _weights(rng, shape[0]), OPTIONS[rng.integers(len(OPTIONS))])


def _damaged(view, rng, dtype):
    rows, columns = view.shape
    i, j = rng.integers(rows), rng.integers(columns)
    size = 10 ** rng.uniform(*DECADES[dtype])
    kind = KINDS[rng.integers(len(KINDS))]
    if kind == "scale":
        view *= size
    elif kind == "columns":
        view *= 10 ** rng.uniform(*DECADES[dtype], size=columns)
    elif kind == "entry":
        view[i, j] = size
    elif kind == "row":
        view[i] *= size
    elif kind == "offset":
        view += size
    elif kind == "constant":
        view[:, j] = size
    elif kind == "nonfinite":
        view[i, j] = rng.choice([np.nan, np.inf, -np.inf])
    return view


def _weights(rng, rows):
    kind = WEIGHTS[rng.integers(len(WEIGHTS))]
    if kind == "none":
        return None
    w = rng.uniform(0.5, 2, rows)
    if kind == "one scale":
        w *= 10 ** rng.uniform(-44, 38)
    elif kind == "spread":
        w *= 10 ** rng.uniform(-22, 22, rows)
    else:
        w *= rng.random(rows) > 0.3
    return w


class Expected(NamedTuple):
    """The reference's results, and what rounding errors are relative to.

    Attributes:
        values: loss and both gradients.
        operands: per value the largest sum of the path's terms when all of them are positive: what
            is left after they cancel may be small.
        underflow: per value what is lost where products are too small for the dtype.
        certain: whether the rule says that there is a number.
    """

    values: tuple[Any, ...]
    operands: tuple[float, ...]
    underflow: tuple[float, ...]
    certain: bool


def expected(case: Case, path: str) -> Expected:
    """What `complaint` compares with."""
    a, b = (np.asarray(z, np.float64) for z in (case.a, case.b))
    with np.errstate(all="ignore"):
        values = reference.barlow_twins_loss_and_gradients(
            a, b, sample_weight=case.weights, **case.options
        )
        return Expected(values, *_operands(a, b, case, path), _certain(a, b, case))


def _operands(a, b, case, path):
    """By the formulas of docs/theory/derivation.md, sections 3 and 5, of absolute values."""
    D = a.shape[1]
    taken, w, ddof, options = _weighting(a, case)
    W = w.sum() or 1
    tiny = 1e-307 if a.dtype == case.a.dtype else 1e-37
    f, r = 0.0, [np.ones(D), np.ones(D)]
    views = [np.where(taken[:, None], z, 0) for z in (a, b)]
    if options["normalize_batch"] and W - ddof > 0:
        f = W / (W - ddof)
        views = [_centred(z, w) for z in views]
        r = [1 / np.sqrt(w @ z**2 / (W - ddof) + options["epsilon"]) for z in views]
    largest = np.max(np.abs(views))
    Za, Zb = (np.abs(z * scale) for z, scale in zip(views, r, strict=True))
    share = w[:, None] / W
    factor = 2 * (np.eye(D) + (1 - np.eye(D)) / D)

    def gradients(C, G):
        q = [np.sum(C * G, axis=axis) for axis in (1, 0)]
        return (
            np.max(share * r[0] * (Zb @ G.T + f * Za * q[0])),
            np.max(share * r[1] * (Za @ G + f * Zb * q[1])),
        )

    C = Za.T @ (w[:, None] * Zb) / W
    loss = np.sum((1 + np.diag(C)) ** 2) + np.sum(C**2) / D
    operands = [loss, *gradients(C, factor * C + 2 * np.eye(D))]
    if path == "gram":
        Ka, Kb = Za @ Za.T * w, Zb @ Zb.T * w
        operands[0] += np.sum(Ka * Kb.T) / W**2 / D
        operands[1] += np.max(share * r[0] * (2 / D / W * Kb @ Za))
        operands[2] += np.max(share * r[1] * (2 / D / W * Ka @ Zb))
    # An element of C may lack a product of two entries that underflows, however large r then is.
    # The gradient's G lacks as much, and so do its q = rowsum(C * G), on both accounts.
    lost = tiny * np.outer(*r)
    direct = tiny * (1 + largest + np.max(lost) / tiny)
    by_c = gradients(C + lost, factor * lost)
    q = [np.sum(lost * (factor * C + 2 * np.eye(D)), axis=axis) for axis in (1, 0)]
    by_q = [
        np.max(share * scale * f * Z * lack) for scale, Z, lack in zip(r, (Za, Zb), q, strict=True)
    ]
    return operands, (direct, *(direct + 2 * sum(lacks) for lacks in zip(by_c, by_q, strict=True)))


def _weighting(a, case):
    """``(taken, w, ddof, options)``: weights and ddof in units of the largest, all options."""
    options = {"normalize_batch": True, "epsilon": 1e-6, "ddof": 0, **case.options}
    w = np.ones(len(a)) if case.weights is None else case.weights
    unit = w.max(initial=0) or 1
    return w > 0, w / unit, options["ddof"] / unit, options


def _centred(z, w):
    z = np.where(w[:, None] > 0, z - z[w.argmax()], 0)
    return z - w @ z / w.sum()


def _certain(a, b, case):
    """Whether the rule of reference/loss.py leaves no doubt, half types counting as float32."""
    dtype = np.float64 if case.a.dtype == np.float64 else np.float32
    least, most = (value ** (15 / 16) for value in VARIANCES[dtype])
    taken, w, ddof, options = _weighting(a, case)
    w = w[taken]
    if options["normalize_batch"] and w.sum() - ddof <= 0:
        return (np.square([a[taken], b[taken]]) <= most).all()
    for z in (a[taken], b[taken]):
        if options["normalize_batch"]:
            z = _centred(z, w)
            v = w @ z**2 / (w.sum() - ddof) + options["epsilon"]
            good = (least <= v) | (options["epsilon"] >= 1e-30) & (v <= 1)
        else:
            v = w @ z**2 / w.sum()
            # The loss has their fourth powers.
            v, good = v**2, True
        if not np.all(good & (v <= most) & (z**2 <= most).all(axis=0)):
            return False
    return True


def complaint(case: Case, path: str, result) -> str | None:
    """What is wrong with ``(loss, grad_a, grad_b)`` of a case, in words; None if nothing."""
    name = case.a.dtype.name
    found = [np.asarray(value, np.float64) for value in result]
    values, operands, underflow, certain = expected(case, path)
    if not np.isfinite(found[0]):
        return "no number where there is one" if certain and np.isfinite(values[0]) else None
    if not np.isfinite(values[0]):
        return f"loss {found[0]} where there is no number"
    allowed = tolerance(name, path)
    # Entries below the smallest subnormal number of float16 round to zero.
    smallest = 6e-8 if name == "float16" else 0.0
    bounds = allowed.loss, allowed.gradient, allowed.gradient
    dtypes = np.float64, case.a.dtype, case.a.dtype
    for what, x, y, size, least, bound, dtype in zip(
        ("loss", "grad_a", "grad_b"),
        found,
        values,
        operands,
        underflow,
        bounds,
        dtypes,
        strict=True,
    ):
        with np.errstate(all="ignore"):
            y = np.asarray(y).astype(dtype).astype(np.float64)  # it may be infinite there
            wrong = ~(np.abs(x - y) <= bound * size + least + smallest) & (x != y)
        if not certain:
            wrong &= np.isfinite(x)
        if wrong.any():
            return f"{what} {x[wrong].flat[0]:.6g} for {y[wrong].flat[0]:.6g} (of {size:.3g})"
    return None
