"""reference/ against published numbers, finite differences and its own docstrings."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import numpy as np
import pytest
from graph_barlow_twins import reference
from graph_barlow_twins.reference import random as reference_random

MODULES = ["graph_barlow_twins.reference"] + [
    f"graph_barlow_twins.reference.{module.name}"
    for module in pkgutil.iter_modules(reference.__path__)
]

# The file kat_vectors of Random123: counter (four words), key (two words), result, all hex.
PHILOX_KNOWN_ANSWERS = {
    "zeros": (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    "ones": (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    "pi": (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
}


def words(text):
    return np.array([int(word, 16) for word in text.split()], np.uint32)


def make_views(rows, features, seed=0):
    rng = np.random.default_rng([seed, rows, features])
    a = rng.normal(size=(rows, features))
    return a, a + rng.normal(size=(rows, features))


def run_python(code):
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"np": np})
    assert result.failed == 0
    if name.rsplit(".", 1)[-1] in ("corruption", "loss", "metrics", "random"):
        assert result.attempted > 0


def test_import_needs_numpy_alone():
    loaded = run_python(
        "import sys; import graph_barlow_twins.reference;"
        " print(*(n for n in ('tensorflow', 'tf_keras', 'numba', 'scipy', 'tensorflow_gnn')"
        " if n in sys.modules))"
    )
    assert loaded == ""


def test_import_adds_few_modules_to_numpy():
    """What the import loads beyond NumPy is what takes its time."""
    count = int(
        run_python(
            "import sys, numpy; before = set(sys.modules); import graph_barlow_twins.reference;"
            " print(len(set(sys.modules) - before))"
        )
    )
    assert count <= 15


# random


@pytest.mark.parametrize("name", PHILOX_KNOWN_ANSWERS)
def test_philox_known_answers(name):
    counter, key, expected = (words(text) for text in PHILOX_KNOWN_ANSWERS[name])
    key = int(key[0]) | int(key[1]) << 32
    np.testing.assert_array_equal(reference.philox4x32(counter[np.newaxis], key)[0], expected)


def test_a_stream_is_the_encryption_of_its_counters():
    key, stream = 0x299F31D0A4093822, 0x03707344_13198A2E
    counters = np.array([[i, 0, 0x13198A2E, 0x03707344] for i in range(3)], np.uint32)
    expected = reference.philox4x32(counters, key).reshape(-1)
    for count in (0, 1, 4, 5, 12):
        bits = reference.random_bits(key, count, stream)
        assert bits.dtype == np.uint32
        np.testing.assert_array_equal(bits, expected[:count])


@pytest.mark.parametrize(
    ("name", "expected"),  # the test vectors of RFC 9923 for FNV-1a, 64 bits
    [("", 0xCBF29CE484222325), ("a", 0xAF63DC4C8601EC8C), ("foobar", 0x85944171F73967E8)],
)
def test_hash_name_known_answers(name, expected):
    assert reference_random.hash_name(name) == expected


def test_derived_keys_differ():
    names = ["", "a", "b", "context", "node_set:a", "edge_set:a", "é", 0, 1, 2**64 - 1]
    keys = {reference.derive_key(key, name) for key in (0, 1, 2**64 - 1) for name in names}
    assert len(keys) == 3 * len(names)
    assert all(0 <= key < 2**64 for key in keys)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_bernoulli_rate(rate):
    share = reference.bernoulli(11, 100_000, rate).mean()
    assert abs(share - rate) <= 5 * np.sqrt(rate * (1 - rate) / 100_000)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), float("inf")])
def test_bernoulli_rate_outside_the_unit_interval(rate):
    with pytest.raises(ValueError, match=r"rate should be in \[0, 1\]"):
        reference.bernoulli(0, 3, rate)


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_permutation_has_every_index_once(count):
    order = reference.permutation(5, count)
    np.testing.assert_array_equal(np.sort(order), np.arange(count))
    if count == 1000:
        assert np.any(order != np.arange(count))


# corruption


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_shuffle_moves_no_more_rows_than_its_rate(rate):
    value = np.arange(30)
    shuffled = reference.shuffle_rows(value, rate, key=2)
    np.testing.assert_array_equal(np.sort(shuffled), value)
    moved = np.count_nonzero(shuffled != value)
    assert (moved > 0) == (rate > 0)
    assert moved <= round(rate * 30)


def test_shuffle_keeps_ragged_rows_whole():
    value = reference.Ragged(np.arange(6), np.array([0, 1, 3, 6, 6]))
    shuffled = reference.shuffle_rows(value, 1.0, key=4)
    rows = [
        shuffled.values[start:stop].tolist()
        for start, stop in zip(shuffled.row_splits[:-1], shuffled.row_splits[1:], strict=True)
    ]
    assert sorted(rows) == [[], [0], [1, 2], [3, 4, 5]]
    assert rows != [[0], [1, 2], [3, 4, 5], []]


def test_dropout_keeps_the_mean():
    value = np.ones((1000, 100), np.float32)
    dropped = reference.dropout(value, 0.25, key=9)
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(4 / 3)}
    np.testing.assert_allclose(dropped.mean(), 1.0, atol=0.01)


def test_masks_whole_columns():
    value = np.ones((5, 1000), np.float32)
    masked = reference.mask_columns(value, 0.25, key=9)
    assert np.all(masked == masked[0])
    np.testing.assert_allclose(masked.mean(), 0.75, atol=0.05)


def test_dropped_nan_is_zero():
    value = np.full((3, 2), np.nan)
    assert not np.any(reference.dropout(value, 1.0, key=0))
    assert not np.any(reference.mask_columns(value, 1.0, key=0))


def test_drop_edges_keeps_columns_together():
    edges = np.arange(1000)
    source, target, features, sizes = reference.drop_edges(
        edges, edges + 1000, 0.3, 5, features={"id": edges * 2}, sizes=np.array([400, 0, 600])
    )
    np.testing.assert_array_equal(target, source + 1000)
    np.testing.assert_array_equal(features["id"], source * 2)
    assert np.all(np.diff(source) > 0)
    assert sizes.tolist() == [np.sum(source < 400), 0, np.sum(source >= 400)]
    assert abs(len(source) - 700) < 75


def test_integers_have_no_dropout():
    for operation in (reference.dropout, reference.mask_columns):
        with pytest.raises(TypeError, match="floating dtype"):
            operation(np.arange(3), 0.5, 0)


# loss


def test_standardize_is_biased_and_has_epsilon_in_the_variance():
    z = np.array([[1.0, 0.0], [3.0, 4.0], [8.0, 8.0]])
    for ddof in (0, 1):
        expected = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0, ddof=ddof) + 0.5)
        np.testing.assert_allclose(reference.standardize(z, epsilon=0.5, ddof=ddof), expected)


def test_standardize_by_weights():
    z = np.array([[1.0], [4.0], [np.nan], [9.0]])
    weighted = reference.standardize(z, sample_weight=[2.0, 1.0, 0.0, 1.0])
    repeated = reference.standardize(np.array([[1.0], [1.0], [4.0], [9.0]]))
    np.testing.assert_allclose(weighted[[0, 1, 3]], repeated[1:])
    assert weighted[2] == 0


@pytest.mark.parametrize(
    ("z", "options"),
    [
        (np.full((1000, 1), 0.1), {}),
        (np.full((1000, 1), 1e15 / 3), {}),
        (np.array([[5.0]]), {}),
        (np.array([[5.0]]), {"ddof": 1}),
        (np.array([[5.0], [7.0]]), {"sample_weight": [0.0, 0.0]}),
        (np.array([[5.0], [7.0]]), {"ddof": 2}),
    ],
    ids=["constant", "large constant", "one row", "one row, unbiased", "no weight", "ddof = W"],
)
def test_standardize_without_variance_is_zero(z, options):
    np.testing.assert_array_equal(reference.standardize(z, **options), np.zeros_like(z))


def test_standardize_survives_a_large_mean():
    z, _ = make_views(63, 4)
    np.testing.assert_allclose(
        reference.standardize(z + 1e8), reference.standardize(z), atol=1e-6, rtol=0
    )


def test_cross_correlation_rows_belong_to_the_first_view():
    z_a, z_b = make_views(20, 3)
    z_b[:, 2] = z_a[:, 0]
    C = reference.cross_correlation(z_a, z_b)
    np.testing.assert_allclose(C[0, 2], 1.0, atol=1e-5)
    expected = np.corrcoef(z_a.T, z_b.T)[:3, 3:]
    np.testing.assert_allclose(C, expected, atol=1e-5)


def test_loss_by_hand():
    z_a, z_b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 2.0]])
    # C = z_a^T z_b / 2 = [[0.5, 3], [1, 4]]
    loss = reference.barlow_twins_loss(z_a, z_b, lambda_=0.1, normalize_batch=False)
    np.testing.assert_allclose(loss, 0.5**2 + 3**2 + 0.1 * (9 + 1), rtol=1e-15)


def test_default_lambda_is_one_over_the_features():
    z_a, z_b = make_views(20, 5)
    explicit = reference.barlow_twins_loss(z_a, z_b, lambda_=0.2)
    np.testing.assert_allclose(reference.barlow_twins_loss(z_a, z_b), explicit, rtol=1e-15)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("normalize_batch", [True, False])
def test_gradients_against_finite_differences(normalize_batch, ddof, weighted):
    views = make_views(7, 4)
    options = {"normalize_batch": normalize_batch, "ddof": ddof, "lambda_": 0.3}
    if weighted:
        options["sample_weight"] = np.array([1.0, 0.0, 2.0, 0.5, 1.0, 3.0, 0.1])
    loss, *gradients = reference.barlow_twins_loss_and_gradients(*views, **options)
    assert loss == reference.barlow_twins_loss(*views, **options)
    step = 1e-5
    for side, gradient in enumerate(gradients):
        measured = np.empty_like(gradient)
        for index in np.ndindex(gradient.shape):
            losses = []
            for sign in (1, -1):
                moved = [view.copy() for view in views]
                moved[side][index] += sign * step
                losses.append(reference.barlow_twins_loss(*moved, **options))
            measured[index] = (losses[0] - losses[1]) / (2 * step)
        np.testing.assert_allclose(gradient, measured, atol=1e-8, err_msg=f"view {side}")


@pytest.mark.parametrize(
    ("views", "options", "message"),
    [
        ((np.zeros((3, 2)), np.zeros((2, 2))), {}, "two views of one shape"),
        ((np.zeros(3), np.zeros(3)), {}, r"shape \[N, D\]"),
        ((np.zeros((3, 2)),) * 2, {"sample_weight": np.ones(2)}, r"sample_weight of shape \[3\]"),
        ((np.zeros((3, 2)),) * 2, {"sample_weight": [1, -1, 1]}, "not be negative"),
        ((np.zeros((3, 2)),) * 2, {"epsilon": 0}, "epsilon should be positive"),
    ],
)
def test_loss_errors(views, options, message):
    with pytest.raises(ValueError, match=message):
        reference.barlow_twins_loss(*views, **options)


# metrics


def test_metrics_by_hand():
    X = np.zeros((6, 3))
    X[0, 0], X[2, 1], X[5, 2] = 4.0, 2.0, 2.0
    np.testing.assert_allclose(reference.numerical_rank(X), 24 / 16)
    np.testing.assert_allclose(reference.pseudo_condition_number(X), 2.0)
    np.testing.assert_allclose(reference.rankme(X), np.exp(1.5 * np.log(2)))
    np.testing.assert_allclose(reference.coherence(X), 2.0)
    # three orthonormal directions: actual 3, expected 3 + 3 * 2 / 3
    np.testing.assert_allclose(reference.self_clustering(X), (3 - 5) / (9 - 5))


def test_metrics_of_deficient_matrices():
    zero, rank_one = np.zeros((5, 3)), np.outer(np.arange(1.0, 6), [1.0, 2.0, 3.0])
    assert reference.numerical_rank(zero) == 0
    np.testing.assert_allclose(reference.rankme(zero), 1.0)
    for X in (zero, rank_one):
        assert reference.pseudo_condition_number(X) == 0
        assert reference.coherence(X) == 5 / 3
        np.testing.assert_allclose(reference.self_clustering(X), 1.0)
    np.testing.assert_allclose(reference.numerical_rank(rank_one), 1.0)
    np.testing.assert_allclose(reference.rankme(rank_one), 1.0, atol=1e-9)


def test_self_clustering_can_centre():
    X = make_views(9, 4)[0] + 7
    np.testing.assert_allclose(
        reference.self_clustering(X, subtract_mean=True),
        reference.self_clustering(X - X.mean(axis=0)),
    )
