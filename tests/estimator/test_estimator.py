"""GraphBarlowTwins: the command's embeddings from Python, and scikit-learn's conventions."""

import pickle

import numpy as np
import pandas
import pytest
import scipy.sparse
from graph_barlow_twins import GraphBarlowTwins
from graph_barlow_twins.pretrain import InputError, PretrainConfig, run_job
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

QUICK = {"verbose": False, "units": [8]}
# A training by steps, one at once, and one of statistics.
KINDS = {
    "linear": {"encoder": "linear", "steps": 3},
    "channels": {"encoder": "channels"},
    "wide": {"encoder": "wide"},
}


def make_graph(nodes=60, words=30, seed=0):
    rng = np.random.default_rng(seed)
    X = scipy.sparse.random(nodes, words, 0.2, "csr", np.float32, rng=rng)
    X.data[:] = 1
    ring = np.arange(nodes)
    edges = np.stack([np.r_[ring, ring], np.r_[(ring + 1) % nodes, (ring + 7) % nodes]])
    return X, edges


# Encoders without steps need no TensorFlow to fit.
@pytest.fixture(
    scope="module", params=[pytest.param("linear", marks=pytest.mark.slow), "channels", "wide"]
)
def fitted(request):
    X, edges = make_graph()
    return GraphBarlowTwins(**KINDS[request.param], **QUICK).fit(X, edges)


def test_is_the_command_bit_for_bit(fitted, tmp_path):
    X, edges = make_graph()
    np.savez(
        tmp_path / "graph.npz",
        edge_index=edges,
        **{f"features_{key}": getattr(X, key) for key in ("data", "indices", "indptr")},
        features_shape=X.shape,
    )
    options = {key: value for key, value in fitted.get_params().items() if key != "verbose"}
    config = PretrainConfig(
        output=str(tmp_path / "run"), dataset=f"npz:{tmp_path}/graph.npz", quiet=True,
        **options | {"units": (8,)},
    )  # fmt: skip
    result = run_job(config)
    with np.load(result.folder.embeddings) as stored:
        np.testing.assert_array_equal(stored["embeddings"], fitted.embedding_)
    assert result.metrics["curves"] == fitted.history_
    loaded = GraphBarlowTwins.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.embedding_, fitted.embedding_)
    np.testing.assert_array_equal(loaded.transform(X, edges), fitted.transform(X, edges))


def test_transforms_the_same_graph_and_another(fitted):
    X, edges = make_graph()
    scale = np.abs(fitted.embedding_).max()
    np.testing.assert_allclose(fitted.transform(X, edges), fitted.embedding_, atol=1e-4 * scale)
    other, links = make_graph(nodes=25, seed=1)
    assert fitted.transform(other, links).shape == (25, fitted.embedding_.shape[1])
    with pytest.raises(InputError, match="expected 30 features"):
        fitted.transform(other[:, :5], links)


def test_saves_and_loads(fitted, tmp_path):
    X, edges = make_graph()
    path = fitted.save(tmp_path / "a" / "model")
    loaded = GraphBarlowTwins.load(path)
    assert loaded.get_params() == clone(fitted).set_params(
        units=tuple(fitted.units)).get_params()  # fmt: skip
    assert loaded.history_ == fitted.history_
    np.testing.assert_array_equal(loaded.transform(X, edges), fitted.transform(X, edges))
    with pytest.raises(InputError, match="not empty"):
        fitted.save(path)
    (path / "notes.txt").write_text("mine")
    (path / "report.html").write_text("of the earlier run")
    before = {one.name for one in path.iterdir()}
    fitted.save(path, overwrite=True)
    assert {one.name for one in path.iterdir()} == before - {"report.html"}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years")
    with pytest.raises(InputError, match="does not hold a run"):
        fitted.save(tmp_path / "other", overwrite=True)
    assert (tmp_path / "other" / "thesis.txt").exists()
    with pytest.raises(InputError, match="has no graph"):
        loaded.report(tmp_path / "report.html")
    with pytest.raises(InputError, match="finished run"):
        GraphBarlowTwins.load(tmp_path / "other")
    (path / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        GraphBarlowTwins.load(path)


def test_saves_to_where_one_is(fitted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    with pytest.raises(InputError, match="not empty"):
        fitted.save(".")
    (tmp_path / ".git").rmdir()
    fitted.save(".")
    assert GraphBarlowTwins.load(".").get_params()["seed"] == fitted.seed
    with pytest.raises(InputError) as error:
        fitted.save("/proc/a")
    assert str(error.value).startswith("/proc/a is not writable")
    monkeypatch.setattr("graph_barlow_twins.pretrain.saved.write_json", fails)
    for place in ("new/folder", "."):
        with pytest.raises(OSError, match="No space"):
            fitted.save(place, overwrite=True)
    assert not (tmp_path / "new").exists()
    GraphBarlowTwins.load(".")


def fails(*_, **__):
    raise OSError(28, "No space left on device")


def test_a_copy_transforms(fitted):
    X, edges = make_graph()
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.transform(X, edges), fitted.transform(X, edges))


def test_report(fitted, tmp_path):
    assert fitted.report(tmp_path / "report.html").stat().st_size > 10_000


def test_a_report_that_cannot_be_written_or_drawn(fitted, tmp_path, monkeypatch):
    monkeypatch.setattr("graph_barlow_twins.pretrain.phases.Fitted.evaluate", fails)
    with pytest.raises(InputError, match=r"^\S*report.html: there is no folder"):
        fitted.report(tmp_path / "none" / "report.html")
    monkeypatch.undo()
    monkeypatch.setattr("graph_barlow_twins.pretrain.report.run.write_report", confused)
    with pytest.warns(UserWarning, match="no report"):
        assert fitted.report(tmp_path / "report.html") is None


def confused(*_, **__):
    raise ValueError("of no colour")


def test_conventions_of_scikit_learn():
    model = GraphBarlowTwins(seed=3, hops=2)
    assert "seed=3" in repr(model)
    assert "<" in model._repr_html_()
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(hops=4).hops == 4
    with pytest.raises(NotFittedError):
        model.transform(*make_graph())
    fields = set(PretrainConfig.__dataclass_fields__)
    not_here = {
        "output", "dataset", "data_dir", "knn", "folds", "hold_out_edges", "overwrite", "resume",
        "quiet", "nodes", "edges", "id_column", "label_column", "evaluation",
        "target", "label", "schema", "sampling_spec", "workers", "worker_index", "worker_timeout",
    }  # fmt: skip
    assert set(model.get_params()) - {"verbose"} == fields - not_here
    defaults = PretrainConfig(output="x")
    for name in fields - not_here:
        assert getattr(GraphBarlowTwins(), name) == getattr(defaults, name)


def test_options_are_checked_as_the_command_does():
    with pytest.raises(InputError, match="hops"):
        GraphBarlowTwins(hops=-1).fit(*make_graph())
    with pytest.raises(InputError, match="encoder"):
        GraphBarlowTwins(encoder="transformer").fit(*make_graph())
    with pytest.raises(InputError, match="encoder hgt is one of the command line"):
        GraphBarlowTwins(encoder="hgt").fit(*make_graph())


@pytest.mark.slow
def test_five_lines_from_tables(tmp_path):
    rng = np.random.default_rng(0)
    people = pandas.DataFrame(
        {"age": rng.normal(40, 9, 40), "town": rng.choice(["Ulm", "Bonn"], 40),
         "group": rng.choice(["x", "y"], 40)},
        index=[f"p{i}" for i in range(40)],
    )  # fmt: skip
    knows = pandas.DataFrame(
        {"source": rng.choice(people.index, 90), "target": rng.choice(people.index, 90)}
    )
    model = GraphBarlowTwins(verbose=False).fit(people, knows, labels="group")
    assert model.embedding_.shape[0] == 40
    assert model.node_ids_.tolist() == people.index.tolist()
    assert [one.name for one in model.columns_.columns] == ["age", "town"]
    model.save(tmp_path / "model")
    loaded = GraphBarlowTwins.load(tmp_path / "model")
    some, links = people.iloc[:20], knows[
        knows.source.isin(people.index[:20]) & knows.target.isin(people.index[:20])
    ]  # fmt: skip
    np.testing.assert_array_equal(
        loaded.transform(some, links), model.transform(some.drop(columns="group"), links)
    )
    model.report(tmp_path / "report.html")


def test_labels_do_not_matter():
    X, edges = make_graph()
    model = GraphBarlowTwins(encoder="channels", **QUICK)
    plain = model.fit_transform(X, edges)
    with pytest.warns(UserWarning, match="no evaluation"):
        labelled = model.fit_transform(X, edges, labels=np.zeros(60, int))
    np.testing.assert_array_equal(plain, labelled)
