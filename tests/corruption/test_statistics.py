"""The draws are as random as they say: rates, permutations, independence of streams.

Every key is fixed, so a test passes or fails for good; bounds are five standard deviations, or the
1 - 1e-6 quantile of chi-square.
"""

import itertools
import math

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.kernels.corruption import features as kernels
from scipy import stats

from tests.corruption.values import KEY, as_key

DRAWS = 1500
KEYS = [reference.derive_key(KEY, step) for step in range(DRAWS)]


def assert_binomial(count, trials, rate):
    """A number of successes within five standard deviations of its mean."""
    deviation = math.sqrt(trials * rate * (1 - rate))
    assert abs(count - trials * rate) <= 5 * deviation, (count, trials, rate)


def assert_uniform(counts):
    """Counts of equally probable cells, by chi-square."""
    counts = np.asarray(counts)
    expected = counts.sum() / counts.size
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert statistic < stats.chi2.ppf(1 - 1e-6, counts.size - 1), counts


def assert_uncorrelated(draws):
    """Streams, one in each row: no two of them correlate."""
    draws = np.asarray(draws, float)
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() * math.sqrt(draws.shape[1]) < 5, correlation


@pytest.mark.parametrize("with_ids", [False, True])
@pytest.mark.parametrize("rate", [0.001, 0.1, 0.5, 0.9])
def test_rates(rate, with_ids):
    ids = np.arange(20_000) if with_ids else None
    value = tf.ones([20_000, 7])
    dropped = kernels.dropout(value, rate, as_key(KEY), ids=ids).numpy() == 0
    assert_binomial(dropped.sum(), dropped.size, rate)
    for column in dropped.T:
        assert_binomial(column.sum(), len(column), rate)
    if rate >= 0.1:  # below, two columns hardly ever drop the same row: nothing to correlate
        assert_uncorrelated(dropped.T)
        assert_uncorrelated(dropped[:19_999].reshape(7, -1))
    rows = reference.dropped_rows(KEY, 20_000, rate, ids=ids)
    assert_binomial(rows.sum(), rows.size, rate)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_rate_of_masks(rate):
    masked = kernels.mask_columns(tf.ones([2, 50_000]), rate, as_key(KEY)).numpy() == 0
    np.testing.assert_array_equal(masked[0], masked[1])
    assert_binomial(masked[0].sum(), 50_000, rate)


@pytest.mark.parametrize("with_ids", [False, True])
def test_scaled_dropout_keeps_the_mean(with_ids):
    value = np.random.default_rng(0).uniform(1, 2, (50_000, 4)).astype(np.float32)
    ids = np.arange(50_000) if with_ids else None
    for rate in (0.1, 0.5, 0.8):
        mean = kernels.dropout(tf.constant(value), rate, as_key(KEY), ids=ids).numpy().mean()
        deviation = np.sqrt((value.astype(float) ** 2).sum() * rate / (1 - rate)) / value.size
        assert abs(mean - value.mean()) <= 5 * deviation


@pytest.mark.parametrize(
    ("rows", "count", "with_ids"),
    [(3, 3, False), (4, 2, False), (5, 1, False), (5, 3, False), (3, 3, True), (4, 2, True)],
)
def test_shuffles_are_uniform(rows, count, with_ids):
    """Every way to choose ``count`` rows and to arrange them is as probable, and is reached."""
    ids = np.array([900, 3, 41, 7, 500])[:rows] if with_ids else None
    seen = {}
    for key in KEYS:
        order = tuple(reference.shuffled_row_indices(rows, count / rows, key, ids=ids))
        seen[order] = seen.get(order, 0) + 1
    # A shuffle that leaves rows in place can come from several choices: count choices, not results.
    expected = {}
    for chosen in itertools.permutations(range(rows), count):
        order = list(range(rows))
        for place, source in zip(sorted(chosen), chosen, strict=True):
            order[place] = source
        expected[tuple(order)] = expected.get(tuple(order), 0) + 1
    assert set(seen) == set(expected)
    choices = math.perm(rows, count)
    observed = np.array([seen[order] for order in expected])
    wanted = np.array(list(expected.values())) * DRAWS / choices
    if len(wanted) > 1:
        statistic = ((observed - wanted) ** 2 / wanted).sum()
        assert statistic < stats.chi2.ppf(1 - 1e-6, len(wanted) - 1)


def test_every_row_goes_everywhere():
    counts = np.zeros((20, 20))
    for key in KEYS:
        counts[np.arange(20), reference.shuffled_row_indices(20, 1, key)] += 1
    for row in counts:
        assert_uniform(row)


def test_partial_shuffle_chooses_every_row_as_often():
    counts = np.zeros(20)
    for key in KEYS:
        counts[reference.permutation(key, 20)[:6]] += 1
    assert_uniform(counts)


@pytest.mark.parametrize("with_ids", [False, True])
@pytest.mark.parametrize("rate", [0.3, 1.0])
def test_a_shuffle_keeps_the_rows(rate, with_ids):
    value = np.random.default_rng(0).normal(size=(500, 3))
    ids = np.arange(500) if with_ids else None
    shuffled = kernels.shuffle_rows(tf.constant(value), rate, as_key(KEY), ids=ids).numpy()
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), np.sort(value, axis=0))
    assert {row.tobytes() for row in shuffled} == {row.tobytes() for row in value}
    moved = np.any(shuffled != value, axis=1).sum()
    assert rate * 500 * 0.9 < moved <= rate * 500


def streams(names):
    """Bits under keys derived for the names, one stream in each row."""
    return [reference.random_bits(reference.derive_key(KEY, name), 20_000) for name in names]


@pytest.mark.parametrize(
    "names",
    [
        ["a", "b", "A", "aa", "feature_0", "feature_1", "node_set:a", "edge_set:a", "context"],
        list(range(10)),  # consecutive steps
        [2**32, 2**32 + 1, 2**64 - 1, 0],
    ],
)
def test_streams_do_not_correlate(names):
    bits = np.array(streams(names))
    assert_uncorrelated(bits)
    assert_uncorrelated(bits < 0.1 * 2**32)
    assert_uncorrelated(bits[:, 1:] - bits[:, :-1].astype(float))
    assert_uncorrelated([bits[0, :-1], bits[1, 1:]])
    for row in bits:
        assert_uniform(np.bincount(row >> np.uint32(26)))


IDS = {
    "consecutive": np.arange(12_000),
    "multiples": np.arange(12_000) * 2**32,
    "negative": -np.arange(12_000),
    "multiples of the golden ratio": np.arange(12_000, dtype=np.uint64)
    * np.uint64(0x9E3779B97F4A7C15),
}


@pytest.mark.parametrize("kind", IDS)
def test_words_of_ids(kind):
    """Uniform over ids in each of their bytes; independent over neighbours, positions and keys."""
    ids = IDS[kind]
    keys = [0, 1, 2, KEY, (2 * KEY) % 2**64, reference.derive_key(KEY, 1)]
    words = np.array([reference.row_words(key, ids, 3) for key in keys])
    columns = words.transpose(0, 2, 1).reshape(-1, len(ids))
    for column in columns:
        for shift in range(0, 32, 8):
            assert_uniform(np.bincount(column >> np.uint32(shift) & np.uint32(255)))
        assert_uncorrelated([column[:-1], column[1:]])
        assert_uncorrelated([column[:-2], column[2:]])
    assert_uncorrelated(columns)
    assert_uncorrelated(columns < 0.1 * 2**32)
    # All in all hardly any word twice: n * (n - 1) / 2 pairs, 2**-32 each.
    pairs = words.size**2 / 2**33
    assert words.size - len(np.unique(words)) < pairs + 5 * math.sqrt(pairs)


def test_words_of_edges():
    """A full grid of endpoints: rates by source, by target and over all."""
    ids = np.arange(200)
    source, target = (ends.reshape(-1) for ends in np.meshgrid(ids, ids))
    names = reference.edge_ids(source, target, False)
    assert len(np.unique(names)) == 200**2
    dropped = reference.dropped_rows(KEY, 200**2, 0.3, ids=names).reshape(200, 200)
    assert_binomial(dropped.sum(), dropped.size, 0.3)
    for line in (*dropped, *dropped.T):
        assert_binomial(line.sum(), 200, 0.3)
    upper = np.triu_indices(200, 1)
    assert_uncorrelated([dropped[upper], dropped.T[upper]])
    pairs = reference.edge_ids(source, target, True).reshape(200, 200)
    np.testing.assert_array_equal(pairs, pairs.T)
    assert len(np.unique(pairs)) == 200 * 201 // 2


@pytest.mark.parametrize("undirected", [False, True])
def test_edge_drops_over_batched_components(undirected):
    rng = np.random.default_rng(0)
    sizes, nodes = np.array([4000, 0, 3000, 5000]), np.array([50, 3, 40, 60])
    offsets = np.cumsum(nodes) - nodes
    component = np.repeat(np.arange(4), sizes)
    source, target = offsets[component] + (rng.random((2, 12_000)) * nodes[component]).astype(int)
    number = np.arange(12_000)
    new_source, new_target, features, new_sizes = reference.drop_edges(
        source, target, 0.25, KEY, features={"n": number}, sizes=sizes, undirected=undirected
    )
    kept = features["n"]
    assert np.all(np.diff(kept) > 0)
    np.testing.assert_array_equal(new_source, source[kept])
    np.testing.assert_array_equal(new_target, target[kept])
    np.testing.assert_array_equal(new_sizes, np.bincount(component[kept], minlength=4))
    pairs = np.unique(np.sort([source, target], axis=0), axis=1, return_inverse=True)[1]
    pairs = pairs.reshape(-1)
    if undirected:  # either all edges of a pair are kept or none
        is_kept = np.bincount(pairs[kept], minlength=pairs.max() + 1) > 0
        np.testing.assert_array_equal(np.flatnonzero(is_kept[pairs]), kept)
        assert_binomial(is_kept.sum(), is_kept.size, 0.75)
    else:
        for before, after in zip(sizes, new_sizes, strict=True):
            assert_binomial(after, before, 0.75)
