"""What notebooks and scripts do with an estimator beside fitting it once."""

import copy
import pickle
import threading
import warnings

import numpy as np
import pandas
import pytest
from graph_barlow_twins import GraphBarlowTwins
from graph_barlow_twins.pretrain import InputError
from graph_barlow_twins.pretrain.encoder.weights import EncoderWeights
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.output.model import check_schema
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests.fresh_process import run_python
from tests.runs import run_main

RNG = np.random.default_rng(0)
IDS = [f"p{number}" for number in range(40)]
X = pandas.DataFrame(
    {"age": RNG.normal(40, 9, 40), "town": RNG.choice(["Ulm", "Bonn"], 40)}, index=IDS
)
LINKS = pandas.DataFrame({"source": RNG.choice(IDS, 90), "target": RNG.choice(IDS, 90)})
KIND = {"encoder": "channels", "units": [8], "verbose": False}


@pytest.fixture(scope="module")
def fitted():
    return GraphBarlowTwins(**KIND).fit(X, LINKS)


def test_a_second_fit_and_a_failed_one(fitted):
    before = fitted.embedding_.copy()
    assert np.array_equal(clone(fitted).fit(X, LINKS).fit(X, LINKS).embedding_, before)
    with pytest.raises(InputError, match="adjacency"):
        fitted.fit(X, "links.csv")
    assert np.array_equal(fitted.embedding_, before)
    model = copy.deepcopy(fitted).fit(*as_arrays())
    assert not hasattr(model, "feature_names_in_")  # of arrays


def as_arrays():
    return np.arange(12.0).reshape(6, 2) % 5, np.array([[0, 1, 2, 3], [1, 2, 3, 4]])


def test_copies_transform(fitted):
    right = fitted.transform(X, LINKS)
    for model in (copy.copy(fitted), copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        assert np.array_equal(model.transform(X, LINKS), right)
    assert not hasattr(clone(fitted), "embedding_")


def test_names(fitted):
    assert fitted.feature_names_in_.tolist() == ["age", "town"]
    assert fitted.n_features_in_ == 3  # Ulm and Bonn are one each
    assert fitted.get_feature_names_out().tolist() == ["dim_0", "dim_1", "dim_2"]
    assert fitted.__sklearn_tags__() is not None
    assert fitted.get_params(deep=True)["units"] == [8]
    with pytest.raises(ValueError, match="Invalid parameter 'hop'"):
        GraphBarlowTwins().set_params(hop=3)


def test_before_fit(tmp_path):
    model = GraphBarlowTwins()
    for method in ("save", "report"):
        with pytest.raises(NotFittedError):
            getattr(model, method)(tmp_path / "x")
    with pytest.raises(NotFittedError):
        model.get_feature_names_out()


def test_tables_that_differ(fitted):
    right = fitted.transform(X, LINKS)
    assert np.array_equal(fitted.transform(X[["town", "age"]], LINKS), right)
    assert fitted.transform(X.assign(town="Rom", more=1), LINKS).shape == right.shape
    with pytest.raises(InputError, match="no column 'age'"):
        fitted.transform(X[["town"]], LINKS)
    with pytest.raises(InputError, match="expected links, got None"):
        fitted.transform(X)


def test_in_a_thread(fitted):
    found = []
    thread = threading.Thread(target=lambda: found.append(clone(fitted).fit(X, LINKS).embedding_))
    thread.start()
    thread.join()
    assert np.array_equal(found[0], fitted.embedding_)


def test_a_pipeline_is_told_what_is_missing():
    with pytest.raises(InputError, match=r"adjacency: expected .* got ndarray of shape \(40,\)"):
        make_pipeline(GraphBarlowTwins(**KIND), LogisticRegression()).fit(X, np.arange(40) % 2)


@pytest.mark.slow  # exports a model
def test_all_attributes_come_back(fitted, tmp_path):
    model = GraphBarlowTwins.load(fitted.save(tmp_path / "model"))
    ours, theirs = ({k for k in vars(one) if k.endswith("_")} for one in (fitted, model))
    assert ours == theirs
    assert model.recipe_ == fitted.recipe_
    assert model.feature_names_in_.tolist() == fitted.feature_names_in_.tolist()
    assert model.node_ids_.tolist() == IDS
    assert np.array_equal(model.fit(X, LINKS).embedding_, fitted.embedding_)


def test_folders_that_are_no_model(fitted, tmp_path):
    (tmp_path / "file").touch()
    for path, message in (
        ("nowhere", "no such folder"),
        ("file", "no such folder"),
        ("", "no config.json"),
    ):
        with pytest.raises(InputError, match=message):
            GraphBarlowTwins.load(tmp_path / path)
    with pytest.raises(InputError, match="is a file"):
        fitted.save(tmp_path / "file", overwrite=True)


@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_a_gcn_warns_of_graphs_without_statistics(nodes):
    ones = np.ones(4, np.float32)
    hidden = EncoderWeights(
        (np.ones((2, 4), np.float32), np.ones((4, 4), np.float32)), ((ones, ones, ones),), ones
    )
    single = EncoderWeights((np.ones((2, 4), np.float32),), (), ones)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = make_graph_data(
            name="small", features=np.ones((nodes, 2)), edge_index=np.zeros((2, 0), int)
        )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        check_schema(2, single, data, "the model")
        check_schema(2, hidden, data, "the model")
    assert [str(one.message).endswith("the graph that they belong to") for one in told] == [
        True
    ] * (nodes < 3)


@pytest.mark.slow  # a process of its own
def test_in_a_child_process():
    code = """
import multiprocessing
import numpy as np
from graph_barlow_twins import GraphBarlowTwins
from tests.estimator.test_notebook import KIND, LINKS, X

def fit(queue):
    queue.put(GraphBarlowTwins(**KIND).fit(X, LINKS).embedding_)

right = GraphBarlowTwins(**KIND).fit(X, LINKS).embedding_
context = multiprocessing.get_context("fork")
queue = context.Queue()
child = context.Process(target=fit, args=(queue,))
child.start()
assert np.array_equal(queue.get(timeout=120), right)
child.join()
"""
    run_python(code, TF_CPP_MIN_LOG_LEVEL="3")


@pytest.mark.slow  # two trainings on Cora
def test_cora_as_tables_is_the_command_bit_for_bit(tmp_path, planetoid_dir):
    cora = load_dataset("planetoid:cora", str(planetoid_dir))
    ids = [f"paper {number}" for number in range(cora.num_nodes)]
    words = pandas.DataFrame(cora.features.toarray(), index=pandas.Index(ids, name="id"))
    words.columns = [f"word {number}" for number in words.columns]
    source, target = np.array(ids)[cora.edge_index]
    cites = pandas.DataFrame({"source": source, "target": target})
    words.reset_index().to_parquet(tmp_path / "papers.parquet", index=False)
    cites.to_csv(tmp_path / "cites.csv", index=False)

    papers = pandas.read_parquet(tmp_path / "papers.parquet").set_index("id")
    model = GraphBarlowTwins(seed=0, steps=3, verbose=False).fit(papers, cites)

    options = ["--nodes", tmp_path / "papers.parquet", "--edges", tmp_path / "cites.csv"]
    options += ["--steps", "3", "--seed", "0", "--no-evaluation", "--quiet"]
    done = run_main("pretrain", *options, "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "run" / "embeddings.npz") as stored:
        np.testing.assert_array_equal(stored["embeddings"], model.embedding_)
        assert stored["node_ids"].tolist() == model.node_ids_.tolist() == ids
