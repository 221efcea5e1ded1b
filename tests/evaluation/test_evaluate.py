"""All measures together: each equals its own function, values are joined over embeddings."""

import dataclasses
import json

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.evaluation.clustering import clustering
from graph_barlow_twins.pretrain.evaluation.evaluate import MEASURES, Measure, Result, evaluate
from graph_barlow_twins.pretrain.evaluation.knn_probe import knn_probe
from graph_barlow_twins.pretrain.evaluation.linear_probe import linear_probe
from graph_barlow_twins.pretrain.evaluation.links import link_prediction
from graph_barlow_twins.pretrain.evaluation.table import difference, table
from graph_barlow_twins.pretrain.graph.held_out import HeldOutEdges
from graph_barlow_twins.pretrain.graph.labels import LabelledNodes

LABELS = np.random.default_rng(0).permutation(np.arange(90) % 3)
NODES = LabelledNodes("g", 90, LABELS, ("0", "1", "2"))


def embeddings(seed, noise=0.6):
    rng = np.random.default_rng(seed)
    return np.eye(3, 5)[LABELS] + noise * rng.normal(size=(90, 5))


def pairs(seed):
    return HeldOutEdges(*np.random.default_rng(seed).integers(90, size=(2, 2, 20)))


def test_measures_are_those_of_the_functions():
    matrix = embeddings(0)
    options = {"split": "random", "seeds": 2, "seed": 2}
    found = evaluate({"ours": matrix}, NODES, held_out=[pairs(0)], **options)["ours"]
    probe = linear_probe(matrix, NODES, **options)
    votes = knn_probe(matrix, NODES, **options)
    clusters = clustering(matrix, NODES, seeds=2, seed=2)
    links = link_prediction(matrix, pairs(0))
    values = {key: measure.values for key, measure in found.measures.items()}
    assert values == {
        "linear_probe": probe.split_accuracies,
        "knn_probe": votes.split_accuracies,
        "nmi": clusters.nmi,
        "ari": clusters.ari,
        "link_auc": (links.auc,),
        "link_ap": (links.average_precision,),
    }
    assert list(values) == [key for key in MEASURES if key in values]
    assert found.probes == (probe,)
    assert found.neighbours == votes.neighbours
    json.dumps(found.to_dict())


def test_several_embeddings_are_joined():
    matrices = [embeddings(seed) for seed in range(2)]
    options = {"split": "random", "seeds": 1}
    joined = evaluate({"ours": matrices}, NODES, **options)["ours"]
    apart = [evaluate({"ours": matrix}, NODES, **options)["ours"] for matrix in matrices]
    for key, measure in joined.measures.items():
        values = [value for one in apart for value in one.measures[key].values]
        assert list(measure.values) == values
        assert measure.mean == pytest.approx(np.mean(values))
        assert measure.std == pytest.approx(np.std(values))
    assert len(joined.probes) == 2


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_matrix])
def test_measures_do_not_depend_on_the_scale(form):
    matrix = embeddings(0).astype(np.float32)
    options = {"split": "random", "seeds": 1, "held_out": [pairs(0)]}
    expected = evaluate({"ours": form(matrix)}, NODES, **options)["ours"]
    short = form(matrix * np.float32(2**-30))  # rows of 1e-9; exact, so not a bit may change
    assert evaluate({"ours": short}, NODES, **options)["ours"].to_dict() == expected.to_dict()


def test_one_measure_has_no_deviation():
    assert Measure((0.5,)).to_dict() == {"mean": 0.5, "std": None, "values": [0.5]}
    assert Measure((0.5, 0.7)).std == pytest.approx(0.1)


def test_embedding_i_meets_held_out_edges_i():
    matrices = [embeddings(seed) for seed in range(2)]
    held_out = [pairs(0), pairs(1)]
    nodes = LabelledNodes("g", 90, None)
    found = evaluate({"ours": matrices, "fixed": matrices[0]}, nodes, held_out=held_out)
    expected = [link_prediction(*pair).auc for pair in zip(matrices, held_out, strict=True)]
    assert list(found["ours"].measures["link_auc"].values) == expected
    expected = [link_prediction(matrices[0], pair).auc for pair in held_out]
    assert list(found["fixed"].measures["link_auc"].values) == expected
    shared = evaluate({"ours": matrices}, nodes, held_out=held_out[:1])["ours"]
    expected = [link_prediction(matrix, held_out[0]).auc for matrix in matrices]
    assert list(shared.measures["link_auc"].values) == expected
    with pytest.raises(ValueError, match=r"expected one entry or 3, .* of 'ours', got 2"):
        evaluate({"ours": [*matrices, matrices[0]]}, nodes, held_out=held_out)


def test_without_labels_links_are_left_and_without_either_nothing():
    unknown = LabelledNodes("g", 90, None)
    found = evaluate({"ours": embeddings(0)}, unknown, held_out=[pairs(0)])["ours"]
    assert list(found.measures) == ["link_auc", "link_ap"]
    assert found.probes == ()
    assert evaluate({"ours": embeddings(0)}, unknown)["ours"].measures == {}


def test_sparse_candidates_and_messages():
    said = []
    matrix = np.round(embeddings(0))
    options = {"seeds": 1, "folds": 2, "held_out": [pairs(0)], "say": said.append}
    candidates = {"dense": matrix, "sparse": scipy.sparse.csr_matrix(matrix)}
    found = evaluate(candidates, NODES, **options)
    for key in ("knn_probe", "link_auc"):
        dense, sparse = (one.measures[key].values for one in found.values())
        assert sparse == pytest.approx(dense)
    parts = ("linear probe", "kNN probe", "clustering", "link prediction")
    assert said == [f"{part}: {name}" for name in candidates for part in parts]


def test_table():
    results = {
        "embeddings": Result(
            {"linear_probe": Measure((0.8, 0.9)), "nmi": Measure((0.5,))}
        ).to_dict(),
        "PCA": Result({"linear_probe": Measure((0.05,))}).to_dict(),
    }
    assert table(results).splitlines() == [
        "                   linear probe     NMI",
        "embeddings         85.00 +- 5.0   50.00",
        "PCA                        5.00       -",
        "embeddings less",
        "  PCA             +80.00 +- 5.0       -",
    ]


def test_multilabel_measures():
    labels = np.stack([LABELS == 0, LABELS != 1, LABELS == 2], axis=1).astype(np.int8)
    labels[:5] = -1
    masks = np.random.default_rng(0).permutation(np.arange(90)) // 30
    parts = {f"{name}_mask": masks == i for i, name in enumerate(("train", "val", "test"))}
    data = dataclasses.replace(NODES, labels=labels, **parts)
    options = {"seeds": 2, "held_out": [pairs(0)]}
    found = evaluate({"ours": embeddings(0), "theirs": embeddings(1)}, data, **options)
    ours = found["ours"]
    probe = linear_probe(embeddings(0), data)
    assert ours.measures["linear_probe_micro_f1"].values == probe.split_accuracies
    assert ours.measures["linear_probe_roc_auc"].values == probe.others["roc_auc"]
    assert len(ours.measures["knn_probe_macro_f1_random"].values) == 2
    assert list(ours.measures) == [key for key in MEASURES if key in ours.measures]
    assert not {"linear_probe", "knn_probe", "nmi", "ari"} & set(ours.measures)
    assert "link_auc" in ours.measures
    head, *_ = table({name: one.to_dict() for name, one in found.items()}).splitlines()
    names = ("micro F1", "AUC", "macro F1")
    names = [f"{one} {what}" for one in ("linear", "kNN") for what in names]
    names += [f"{name}, random" for name in names]
    assert " ".join(head.split()) == " ".join([*names, "link AUC", "link AP"])
    with pytest.raises(ValueError, match="judged by one class for each node"):
        clustering(embeddings(0), data)


def test_differences_are_paired():
    own, other = (Measure(values).to_dict() for values in ((0.5, 0.7, 0.6, 0.9), (0.4, 0.5)))
    found = difference(own, other)
    pairs = np.array([0.1, 0.2, 0.2, 0.4])  # the other's splits, once for each embedding
    assert found.mean == pytest.approx(pairs.mean())
    assert found.standard_error == pytest.approx(pairs.std(ddof=1) / 2)
    assert difference(other, own).mean == pytest.approx(-pairs.mean())
    one = Measure((0.5,)).to_dict()
    assert difference(one, one).standard_error is None
    assert difference(Measure((0.1, 0.2, 0.3)).to_dict(), other) is None
    assert difference(None, other) is difference(own, None) is None


def test_beside_a_public_split_stand_random_ones_of_its_size():
    masks = np.random.default_rng(0).permutation(np.arange(90)) // 30
    parts = {f"{name}_mask": masks == i for i, name in enumerate(("train", "val", "test"))}
    data = dataclasses.replace(NODES, **parts)
    options = {"seeds": 3, "clusterings": 2, "seed": 4}
    found = evaluate({"ours": embeddings(0)}, data, **options)["ours"].measures
    random = linear_probe(embeddings(0), data, split="random", seeds=3, seed=4)
    assert found["linear_probe_random"].values == random.split_accuracies
    assert len(found["knn_probe_random"].values) == 3
    assert len(found["linear_probe"].values) == 1
    assert len(found["nmi"].values) == 2
    public = evaluate({"ours": embeddings(0)}, data, split="public", **options)["ours"].measures
    assert public == {key: found[key] for key in public}
    assert len(public) == 4
