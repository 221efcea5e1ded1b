"""Splits: who trains, validates and tests under each protocol; which nodes of many take part."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.evaluation.linear_probe import linear_probe
from graph_barlow_twins.pretrain.evaluation.sampling import stratified_sample
from graph_barlow_twins.pretrain.evaluation.splits import draw_splits, plan_probe

from tests.evaluation.graphs import path_graph
from tests.graph.parts import refused


def splits_of(data, **options):
    seed = options.pop("seed", 0)
    most = {key: value for key, value in options.items() if key == "max_nodes"}
    return draw_splits(data, plan_probe(data, **options), seed=seed, **most)


def assert_disjoint(split, known):
    parts = (split.inner, split.validation, split.test)
    together = np.concatenate(parts)
    assert len(np.unique(together)) == len(together)
    assert set(together) <= set(known)
    assert set(split.inner) <= set(split.train)
    assert not set(split.train) & set(split.test)


def test_random_splits_without_masks_are_10_10_80_of_each_class():
    labels = np.repeat([0, 1, 2, -1], [100, 50, 30, 20])
    splits = splits_of(path_graph(labels), split="random", seeds=4)
    assert len(splits) == 4
    for split in splits:
        assert_disjoint(split, np.flatnonzero(labels >= 0))
        assert np.bincount(labels[split.train]).tolist() == [10, 5, 3]
        assert np.bincount(labels[split.validation]).tolist() == [10, 5, 3]
        assert np.bincount(labels[split.test]).tolist() == [80, 40, 24]
        np.testing.assert_array_equal(split.inner, split.train)
    assert len({tuple(split.train) for split in splits}) == 4


def test_random_splits_with_masks_have_the_sizes_of_the_masks():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=200)
    labels[5], labels[190:] = -1, -1
    data = path_graph(labels, "t" * 30 + "v" * 60 + "e" * 90)  # 10 labelled nodes are in no mask
    (public,) = splits_of(data)
    np.testing.assert_array_equal(public.train, np.setdiff1d(np.arange(30), [5]))
    splits = splits_of(data, split="random", seeds=3)
    for split in splits:
        assert_disjoint(split, np.flatnonzero(labels >= 0))
        for name in ("train", "validation", "test"):
            ours, theirs = (np.bincount(labels[getattr(s, name)]) for s in (split, public))
            np.testing.assert_array_equal(ours, theirs)
        assert not np.array_equal(split.train, public.train)
    assert len({tuple(split.test) for split in splits}) == 3


def test_seed_number_i_of_seed_0_is_seed_i():
    data = path_graph(np.arange(100) % 2)
    splits = splits_of(data, split="random", seeds=3)
    (third,) = splits_of(data, split="random", seeds=1, seed=2)
    np.testing.assert_array_equal(splits[2].test, third.test)


def test_folds_test_every_labelled_node_once():
    labels = np.arange(60) % 3
    labels[:6] = -1
    splits = splits_of(path_graph(labels), folds=6)
    tested = np.concatenate([split.test for split in splits])
    np.testing.assert_array_equal(np.sort(tested), np.arange(6, 60))
    for split in splits:
        assert_disjoint(split, np.arange(6, 60))
        both = np.sort(np.concatenate([split.inner, split.validation]))
        np.testing.assert_array_equal(both, split.train)


def test_folds_ignore_masks_when_asked_for():
    data = path_graph(np.arange(60) % 2, "t" * 10 + "v" * 10 + "e" * 10)
    assert plan_probe(data).num_splits == 1
    splits = splits_of(data, split="folds", folds=5)
    assert sum(len(split.test) for split in splits) == 60


@pytest.mark.parametrize("protocol", ["public", "random", "folds"])
def test_large_graphs_are_probed_on_some_of_their_nodes(protocol):
    labels = np.repeat([0, 1, 2], [1500, 480, 20])
    labels = np.random.default_rng(0).permutation(labels)
    data = path_graph(labels, "t" * 400 + "v" * 400 + "e" * 1200)
    with pytest.warns(UserWarning, match=r"200 of 2,000 labelled nodes take part"):
        splits = splits_of(data, split=protocol, folds=5, seeds=3, max_nodes=200)
    for split in splits:
        assert_disjoint(split, np.arange(2000))
        nodes = np.concatenate([split.inner, split.validation, split.test])
        assert len(nodes) == 200
        counts = np.bincount(labels[nodes])
        assert (np.abs(counts - [150, 48, 2]) <= 4).all()
        if protocol != "folds":
            assert [len(split.train), len(split.validation)] == [40, 40]
        assert len(np.unique(labels[split.train])) == 3
    if protocol == "folds":
        assert len(splits) == 5
        assert all(len(np.unique(labels[split.test])) == 3 for split in splits)
    # Others take part under another seed.
    with pytest.warns(UserWarning, match="take part"):
        (first, *_), (other, *_) = (
            splits_of(data, split=protocol, folds=5, seeds=1, seed=seed, max_nodes=200)
            for seed in (0, 1)
        )
    assert set(first.test) != set(other.test)


def test_the_probe_takes_the_limit():
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    embeddings = rng.normal(size=(400, 3)) + labels[:, None]
    data = path_graph(labels)
    with pytest.warns(UserWarning, match="100 of 400"):
        limited = linear_probe(embeddings, data, folds=2, max_nodes=100)
    assert (limited.num_train, limited.num_test) == (50, 100)
    assert linear_probe(embeddings, data, folds=2, max_nodes=400) == linear_probe(
        embeddings, data, folds=2
    )


def test_sample_is_stratified_and_uniform_within_a_class():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    counts = np.zeros(100)
    for seed in range(400):
        drawn = stratified_sample(np.arange(100), labels, 20, np.random.default_rng(seed))
        assert np.bincount(labels[drawn]).tolist() == [12, 6, 2]
        counts[drawn] += 1
    # Each node in a fifth of the draws: 80, binomial; five standard deviations.
    assert np.abs(counts - 80).max() < 5 * np.sqrt(80 * 0.8)


@pytest.mark.parametrize(
    ("counts", "size", "at_least", "expected"),
    [
        ([97, 1, 1, 1], 10, 1, [7, 1, 1, 1]),
        ([50, 30, 20], 9, 1, [4, 3, 2]),  # shares 4.5, 2.7, 1.8: largest remainders
        ([5, 5], 3, 1, None),
        ([5, 5, 5], 1, 1, [1, 1, 1]),
        ([90, 8, 2], 20, 5, [13, 5, 2]),
        ([3, 3], 6, 1, [3, 3]),
    ],
)
def test_sample_keeps_rare_classes(counts, size, at_least, expected):
    labels = np.repeat(np.arange(len(counts)), counts)
    rng = np.random.default_rng(0)
    drawn = stratified_sample(np.arange(len(labels)), labels, size, rng, at_least=at_least)
    assert len(np.unique(drawn)) == len(drawn)
    if expected is None:
        assert len(drawn) == size
    else:
        assert np.bincount(labels[drawn]).tolist() == expected


def test_plans_that_cannot_be_are_refused():
    unmasked, masked = (
        path_graph([0, 0, 1, 1]),
        path_graph([0, 0, 0, 1, 1, 1], "t" * 2 + "v" * 2 + "e" * 2),
    )
    refused("a public split needs masks, and there are none", plan_probe, unmasked, split="public")
    refused("two classes in train_mask, got 1", plan_probe, masked, split="random")
    assert plan_probe(masked, split="folds", folds=3).num_splits == 3
    refused("a class of at least 2 nodes", plan_probe, path_graph([0, 1, 2]), split="random")
    with pytest.raises(ValueError, match="split: expected one of public, random, folds, got 'k'"):
        plan_probe(unmasked, split="k")
    with pytest.raises(ValueError, match="seeds: expected at least 1, got 0"):
        plan_probe(unmasked, seeds=0)


def several_labels(count=200):
    """The first ten unknown; the second label is rare."""
    labels = (np.random.default_rng(0).random((count, 3)) < [0.5, 0.02, 0.9]).astype(np.int8)
    labels[:10] = -1
    return labels


def test_multilabel_nodes_are_drawn_as_one_class():
    known = np.arange(10, 200)
    data = path_graph(several_labels(), "-" * 5 + "t" * 35 + "v" * 60 + "e" * 90)
    assert [plan_probe(data).num_splits, plan_probe(data, split="folds").num_splits] == [1, 10]
    (public,) = splits_of(data)
    np.testing.assert_array_equal(public.train, np.arange(10, 40))
    drawn = splits_of(data, split="random", seeds=3)
    for split in drawn:
        assert_disjoint(split, known)
        assert [len(part) for part in (split.train, split.validation, split.test)] == [30, 60, 90]
    assert len({tuple(split.test) for split in drawn}) == 3
    for split in splits_of(path_graph(several_labels()), split="random", seeds=2):
        assert_disjoint(split, known)
        assert [len(part) for part in (split.train, split.validation, split.test)] == [19, 19, 152]
    folds = splits_of(data, folds=5, split="folds")
    tested = np.concatenate([split.test for split in folds])
    np.testing.assert_array_equal(np.sort(tested), known)
    assert not np.array_equal(tested, known)
    for split in folds:
        assert_disjoint(split, known)
        assert [len(split.inner), len(split.validation), len(split.test)] == [122, 30, 38]


@pytest.mark.parametrize("protocol", ["public", "random", "folds"])
def test_many_multilabel_nodes_are_probed_on_some(protocol):
    data = path_graph(several_labels(), "t" * 50 + "v" * 50 + "e" * 100)
    with pytest.warns(UserWarning, match=r"60 of 190 labelled nodes take part in the probes$"):
        splits = splits_of(data, split=protocol, folds=5, seeds=2, max_nodes=60)
    for split in splits:
        assert_disjoint(split, np.arange(10, 200))
        count = len(split.inner) + len(split.validation) + len(split.test)
        assert 57 <= count <= 60  # each part rounded down


def test_few_multilabel_nodes_make_few_folds():
    labels = np.array([[0, 1], [1, 1], [0, 0], [-1, -1]])
    with pytest.warns(UserWarning, match="3 probe folds instead of 10, because the graph has only"):
        assert plan_probe(path_graph(labels)).num_splits == 3
