"""What both probes share: splits are judged one after the other, or side by side, all the same."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.evaluation import probe
from graph_barlow_twins.pretrain.evaluation.knn_probe import knn_probe
from graph_barlow_twins.pretrain.evaluation.linear_probe import linear_probe

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
