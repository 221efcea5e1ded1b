"""The main job with TF-GNN's encoders: from a schema, or from samples, to embeddings."""

import json
import shutil
from types import SimpleNamespace

import graph_barlow_twins  # noqa: F401 - Keras 2
import numpy as np
import pandas
import pytest
import tensorflow as tf
from graph_barlow_twins.pretrain.cluster.embed import Apply, embed
from graph_barlow_twins.pretrain.encoder.template import build
from graph_barlow_twins.pretrain.encoder.template.model import Template
from graph_barlow_twins.pretrain.sampling.memory import MemorySampler
from graph_barlow_twins.pretrain.sampling.network import read_network
from graph_barlow_twins.pretrain.sampling.plan import plan_by_fan_out
from graph_barlow_twins.pretrain.sampling.tensors import graphs_in_memory
from graph_barlow_twins.pretrain.training.network.apply import embed_roots
from graph_barlow_twins.pretrain.training.network.sources import MemorySource

from tests.cluster.dask import let_one_die, options_for, two_workers
from tests.runs import run_main
from tests.schema.flights import flights, write

pytestmark = pytest.mark.slow  # each model takes seconds to trace

SETS = ("flight", "plane", "flown_by", "next")
OPTIONS = ("--encoder", "graph_sage", "--units", 8, "--fan-out", 3, 2, "--batch-size", 20)


def few_sets():
    sets = flights()
    return {name: sets[name] for name in SETS}


def done(*arguments):
    found = run_main(*arguments, "--quiet")
    assert found.returncode == 0, found.stderr
    return found


def embeddings(path):
    with np.load(path) as file:
        return dict(zip(file["node_ids"].tolist(), file["embeddings"], strict=True))


def by_beam(folder, name):
    parts = pandas.concat(map(pandas.read_parquet, sorted(folder.glob(f"{name}-*.parquet"))))
    return dict(zip(parts.pop("node_id"), parts.to_numpy(), strict=True))


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        np.testing.assert_allclose(found[key], row, atol=1e-5, err_msg=key)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with the schema in flights/ and a finished run in run/."""
    folder = tmp_path_factory.mktemp("network")
    write(folder / "flights", few_sets())
    schema = ("--dataset", f"tfgnn:{folder / 'flights'}", "--target", "flight")
    done("pretrain", *schema, *OPTIONS, "--epochs", 2, "--output", folder / "run")
    return folder, schema


def test_a_run_has_what_every_run_has(run):
    folder, _ = run
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    assert (metrics["encoder"], metrics["dimension"], metrics["hops"]) == ("graph_sage", 24, 2)
    assert len(metrics["curves"]["loss"]) == 4
    assert set(metrics["probe"]) >= {"trained encoder", "untrained encoder", "raw features", "PCA"}
    assert (folder / "run" / "report.html").stat().st_size > 10_000
    found = np.array(list(embeddings(folder / "run" / "embeddings.npz").values()))
    assert found.shape == (40, 24)
    assert np.isfinite(found).all()


def test_embed_gives_the_embeddings_of_the_run(run, tmp_path):
    folder, schema = run
    done("embed", folder / "run", *schema, "--output", tmp_path / "e.npz")
    assert_close(embeddings(tmp_path / "e.npz"), embeddings(folder / "run" / "embeddings.npz"))


def test_a_saved_model_needs_tensorflow_alone(run, tmp_path):
    folder, schema = run
    done("sample", *schema, "--fan-out", 3, 2, "--output", tmp_path / "s@1.tfrecord")
    records = list(tf.data.TFRecordDataset(str(tmp_path / "s-00000-of-00001.tfrecord")))
    model = tf.saved_model.load(str(folder / "run" / "model"))
    found = model.signatures["serving_default"](examples=tf.stack(records))
    by_id = dict(
        zip(
            [one.decode() for one in found["ids"].numpy()],
            found["representations"].numpy(),
            strict=True,
        )
    )
    assert_close(by_id, embeddings(folder / "run" / "embeddings.npz"))


def test_samples_are_embedded_as_the_graph_is(run, tmp_path):
    folder, schema = run
    expected = embeddings(folder / "run" / "embeddings.npz")
    done("sample", *schema, "--fan-out", 3, 2, "--output", tmp_path / "s@3.tfrecord")
    samples = ("--dataset", f"samples:{tmp_path / 's@3.tfrecord'}")
    done("embed", folder / "run", *samples, "--output", tmp_path / "e.npz")
    assert_close(embeddings(tmp_path / "e.npz"), expected)
    done("embed", folder / "run", *samples, "--output", tmp_path / "e@2.parquet")
    assert_close(by_beam(tmp_path, "e"), expected)
    with two_workers() as cluster:
        let_one_die(cluster, Apply, tmp_path / "died")
        options = {"runner": "DaskRunner", "options": options_for(cluster), "quiet": True}
        pattern, output = str(tmp_path / "s@3.tfrecord"), str(tmp_path / "killed@2.parquet")
        assert embed(str(folder / "run"), pattern, output, **options) == len(expected)
    assert (tmp_path / "died").exists()
    assert_close(by_beam(tmp_path, "killed"), expected)


def test_samples_are_trained_on(run, tmp_path):
    _, schema = run
    done("sample", *schema, "--fan-out", 3, 2, "--output", tmp_path / "s@3.tfrecord")
    samples = ("--dataset", f"samples:{tmp_path / 's@3.tfrecord'}")
    options = [x for x in OPTIONS if x not in ("--fan-out", 3, 2)]
    done("pretrain", *samples, *options, "--output", tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["nodes"] == 40
    assert "trained encoder" in metrics["probe"]
    done("embed", tmp_path / "run", *samples, "--output", tmp_path / "e.npz")
    assert_close(embeddings(tmp_path / "e.npz"), embeddings(tmp_path / "run" / "embeddings.npz"))
    refused = run_main("pretrain", *samples, "--output", tmp_path / "other")
    assert refused.returncode == 2
    assert "expected --encoder mt_albis or" in refused.stderr


def test_a_run_that_was_cut_short_goes_on(run, tmp_path, monkeypatch):
    folder, schema = run
    output = ("--output", tmp_path / "run")
    from graph_barlow_twins.pretrain.training.steps.progress import StepRecorder

    def stop(self, batch, logs=None):
        before(self, batch, logs)
        if len(self.history["loss"]) == 3:
            raise KeyboardInterrupt

    before = StepRecorder.on_train_batch_end
    with monkeypatch.context() as patch:
        patch.setattr(StepRecorder, "on_train_batch_end", stop)
        found = run_main("pretrain", *schema, *OPTIONS, "--epochs", 2, *output, "--quiet")
    assert found.returncode != 0
    done("pretrain", *schema, *OPTIONS, "--epochs", 2, *output, "--resume")
    assert_close(
        embeddings(tmp_path / "run" / "embeddings.npz"),
        embeddings(folder / "run" / "embeddings.npz"),
    )


def test_another_schema_is_refused(run, tmp_path):
    folder, _ = run
    sets = few_sets()
    sets["plane"].features.pop("seats")
    write(tmp_path / "other", sets)
    other = ("--dataset", f"tfgnn:{tmp_path / 'other'}", "--target", "flight")
    found = run_main("embed", folder / "run", *other, "--output", tmp_path / "e.npz")
    assert found.returncode == 2
    assert "node set 'plane': expected a feature 'seats', as in the training" in found.stderr
    assert not (tmp_path / "e.npz").exists()


def test_damaged_models_are_refused(run, tmp_path):
    folder, schema = run
    shutil.copytree(folder / "run" / "model", tmp_path / "model")
    for damage in ('{"format": 1}', "[]", "{"):
        (tmp_path / "model" / "template.json").write_text(damage)
        found = run_main("embed", tmp_path / "model", *schema, "--output", tmp_path / "e.npz")
        assert found.returncode == 2
        assert "template.json: expected what a run has written" in found.stderr


def test_each_root_has_its_row_whatever_the_batch(tmp_path):
    """The last batch begins among the roots of the one before it."""
    write(tmp_path, few_sets())
    network = read_network(tmp_path, "flight", "label")
    plan = plan_by_fan_out(network.kinds, "flight", (1,))
    columns = {name: one.columns for name, one in network.node_sets.items()}
    template = Template("graph_sage", 8, 0, "flight", columns, network.schema, plan, 0)
    places = {str(one): place for place, one in enumerate(network.node_sets["flight"].ids)}

    def place_of_roots(graph):
        nodes = graph.node_sets["flight"]
        roots = tf.gather(nodes["#id"], tf.cumsum(nodes.sizes, exclusive=True)).numpy()
        return np.array([[places[one.decode()]] * 8 for one in roots], np.float32)

    stub = SimpleNamespace(template=template, of_graph=place_of_roots)
    for batch in (17, 40, 100):
        found = embed_roots(stub, MemorySource(network, plan, 0), batch, quiet=True)
        np.testing.assert_array_equal(found[:, 0], np.arange(40))


def test_what_later_rounds_leave_out_changes_no_root(tmp_path, monkeypatch):
    write(tmp_path, few_sets())
    network = read_network(tmp_path, "flight", "label")
    plan = plan_by_fan_out(network.kinds, "flight", (3, 2))
    columns = {name: one.columns for name, one in network.node_sets.items()}
    template = Template("mt_albis", 8, 2, "flight", columns, network.schema, plan, 0)
    sampler = MemorySampler(network, plan, 0)
    batch = graphs_in_memory(lambda _: sampler(np.arange(40)), network, template.spec, 40)
    graph = batch(tf.constant(0, tf.int64)).merge_batch_to_components()
    trimmed = template.representations()
    within = build.WithinHops
    monkeypatch.setattr(build, "WithinHops", lambda hops, target: within(3 * (hops > 0), target))
    whole = template.representations()
    whole.set_weights(trimmed.get_weights())
    np.testing.assert_allclose(whole(graph), trimmed(graph), atol=1e-5)
