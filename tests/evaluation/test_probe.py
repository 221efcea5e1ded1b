"""What both probes share: splits are judged one after the other, or side by side, all the same."""

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.evaluation import linear_probe as regression
from graph_barlow_twins.pretrain.evaluation import probe
from graph_barlow_twins.pretrain.evaluation.knn_probe import knn_probe
from graph_barlow_twins.pretrain.evaluation.linear_probe import linear_probe
from graph_barlow_twins.pretrain.evaluation.rows import directions
from graph_barlow_twins.pretrain.evaluation.splits import Split

from tests.evaluation.graphs import path_graph


@pytest.mark.parametrize("read", [linear_probe, knn_probe])
def test_splits_side_by_side_give_what_one_after_the_other_does(read, monkeypatch):
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(120) % 3)
    embeddings = np.eye(3, 4)[labels] + 1.5 * rng.normal(size=(120, 4))
    data = path_graph(labels)
    expected = read(embeddings, data, folds=7)
    assert len(set(expected.split_accuracies)) > 2, "or their order would not matter"
    monkeypatch.setattr(probe, "_WORTH_A_THREAD", 0)
    assert read(embeddings, data, folds=7) == expected


class Path:
    """Values 1 to 6, of which the third is the best; it notes which have been asked for."""

    def __init__(self, confidence):
        self.asked, self._confidence = [], confidence

    def candidates(self, num_train):
        return (1, 2, 3, 4, 5, 6)

    def scores(self, train, asked, values, *, keep):
        for value in values:
            self.asked.append(value)
            right = np.arange(len(asked)) < (10, 20, 30, 25, 24, 23)[value - 1]
            yield np.stack([~right, right], axis=1).astype(float)

    def confidence(self, scores, truth):
        return self._confidence(scores)


@pytest.mark.parametrize(
    ("nodes", "confidence", "asked"),
    [
        (probe.MANY_NODES + 1, lambda scores: scores[:, 1].mean(), 4),
        (probe.MANY_NODES + 1, lambda scores: 0, 6),  # says nothing, as that of the neighbours
        (probe.MANY_NODES, lambda scores: scores[:, 1].mean(), 6),
    ],
)
def test_the_search_ends_where_it_gets_worse_on_many_nodes(nodes, confidence, asked):
    labels = np.ones(nodes + 40, np.int64)
    train, validation = np.arange(nodes), nodes + np.arange(40)
    split = Split(train, train, validation, np.zeros(0, int))
    fitted = Path(confidence)
    assert probe._chosen(fitted, labels, split, ["accuracy"], {}) == {"accuracy": 3}
    assert fitted.asked == list(range(1, asked + 1))


@pytest.mark.parametrize("columns", [20, 300])  # along the axes of all of them; in the rows' span
@pytest.mark.parametrize("sparse", [False, True])
def test_the_last_fit_begins_with_the_one_that_chose(columns, sparse, monkeypatch):
    monkeypatch.setattr(regression, "MANY_NODES", 50)
    monkeypatch.setattr(directions, "_DENSE_ENTRIES", 0 if sparse else 10**6)
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(200, columns)), rng.integers(0, 3, 200)
    matrix = scipy.sparse.csr_matrix(rows) if sparse else rows
    fitted = regression._Regression(directions.Directions(matrix), labels)
    train, asked, kept = np.arange(120), np.arange(120, 200), {}
    (chosen,) = fitted.scores(train[:60], asked, (1.0,), keep=kept)
    (last,) = fitted.scores(train, asked, (1.0,), start=kept)
    monkeypatch.setattr(regression, "fit_softmax", lambda x, y, C, start, scaled: start)
    (begun,) = fitted.scores(train, asked, (1.0,), start=kept)
    np.testing.assert_allclose(begun, chosen, atol=1e-9)
    assert np.abs(last - chosen).max() > 0.01


def test_what_was_kept_while_choosing_reaches_the_last_fit():
    class Kept(Path):
        def scores(self, train, asked, values, *, keep=None, start=None):
            if keep is None:
                self.start = dict(start)
            else:
                keep.update({value: f"weights of {value}" for value in values})
            return super().scores(train, asked, values, keep=keep)

    labels = np.ones(60, np.int64)
    fitted, parts = Kept(lambda scores: 0), np.split(np.arange(60), [20])
    split = Split(parts[0], parts[0], parts[1], parts[1])
    probe._judged(fitted, labels, ["accuracy"], 0, split)
    assert fitted.start[3] == "weights of 3"
