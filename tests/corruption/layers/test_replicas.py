"""Replicas and workers draw different corruptions; one alone draws what it always drew."""

import json

import pytest
import tensorflow as tf
from graph_barlow_twins.kernels.keys import derive_key
from graph_barlow_twins.tfgnn_task import CorruptionSpec, ShuffleFeaturesGlobally
from graph_barlow_twins.tfgnn_task.corruption.keys import KeySource

from tests.corruption.graphs import fingerprint, make_graph
from tests.fresh_process import run_python

# Two replicas need logical devices, which can only be made before TensorFlow starts.
TWO_REPLICAS = """
import graph_barlow_twins
import tensorflow as tf
device, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.corruption.graphs import make_graph
from graph_barlow_twins.tfgnn_task import CorruptionSpec, ShuffleFeaturesGlobally
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
graph = make_graph(1)
spec = CorruptionSpec(context_corruption={"step": 0.0})

def draws(options, scope):
    if scope:
        with strategy.scope():
            corruptor = ShuffleFeaturesGlobally(spec, **options)
    else:
        corruptor = ShuffleFeaturesGlobally(spec, **options)

    def years():
        return corruptor(graph).node_sets["paper"]["year"]

    run = tf.function(lambda: strategy.run(years))
    per_call = [strategy.experimental_local_results(run()) for _ in range(3)]
    return [[v.numpy().tolist() for v in values] for values in per_call], years().numpy().tolist()
"""


@pytest.fixture(scope="module")
def drawn():
    """``{name: (draws of three calls of two replicas, the same layer's draw outside)}``."""
    code = TWO_REPLICAS
    code += """
import json
print(json.dumps({
    "seed": draws({"seed": 5}, False),
    "again": draws({"seed": 5}, False),
    "in scope": draws({"seed": 5}, True),
    "fresh": draws({}, False),
    "step": draws({"seed": 5, "step_feature": "step"}, False),
}))
"""
    return json.loads(run_python(code).splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["seed", "in scope", "fresh"])
def test_replicas_draw_different_corruptions(drawn, name):
    calls, alone = drawn[name]
    draws = [tuple(years) for call in calls for years in call] + [tuple(alone)]
    assert len(set(draws)) == 7
    assert {tuple(sorted(years)) for years in draws} == {tuple(float(i) for i in range(1, 21))}


@pytest.mark.slow
def test_replicas_draw_the_same_in_every_run(drawn):
    assert drawn["seed"] == drawn["again"] == drawn["in scope"]


@pytest.mark.slow
def test_calls_outside_of_replicas_are_counted_apart(drawn):
    spec = CorruptionSpec(context_corruption={"step": 0.0})
    first = ShuffleFeaturesGlobally(spec, seed=5)(make_graph(1)).node_sets["paper"]["year"]
    assert drawn["seed"][1] == first.numpy().tolist()


@pytest.mark.slow
def test_a_step_is_the_same_for_all_replicas(drawn):
    calls, alone = drawn["step"]
    assert all(years == alone for call in calls for years in call)


class Replica:
    """What `tf.distribute` says within one of two replicas."""

    num_replicas_in_sync = 2

    def __init__(self, number):
        self.replica_id_in_sync_group = number


def test_a_replicas_number_is_mixed_into_its_keys(monkeypatch):
    """Each counts its own calls; those outside are counted apart."""
    keys, graph = KeySource(seed=5), make_graph(1)
    assert int(keys.next_key(graph)) == derive_key(5, 0)
    for call, number in enumerate((0, 1)):
        monkeypatch.setattr(tf.distribute, "get_replica_context", lambda n=number: Replica(n))
        expected = derive_key(derive_key(derive_key(5, call), "replica"), number)
        assert int(keys.next_key(graph)) == expected
        by_step = KeySource(seed=5, step_feature="step")
        assert int(by_step.next_key(graph)) == derive_key(5, 1)
    monkeypatch.undo()
    assert int(keys.next_key(graph)) == derive_key(5, 1)


# Workers


def first_draw(monkeypatch, config, **options):
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    tf.random.set_seed(1)  # for those without a seed: the same in every worker
    spec = CorruptionSpec(context_corruption={"step": 0.0})
    return fingerprint(ShuffleFeaturesGlobally(spec, **options)(make_graph(1)))


def cluster(kind, index, **counts):
    addresses = {name: [f"host{i}:1" for i in range(count)] for name, count in counts.items()}
    return {"cluster": addresses, "task": {"type": kind, "index": index}}


@pytest.mark.parametrize(
    "options", [{"seed": 5}, pytest.param({}, marks=pytest.mark.slow)], ids=["seed", "fresh"]
)
def test_workers_draw_different_corruptions(monkeypatch, options):
    alone = first_draw(monkeypatch, {}, **options)
    one = first_draw(monkeypatch, cluster("worker", 0, worker=1), **options)
    assert one == alone
    several = [
        first_draw(monkeypatch, cluster("worker", index, worker=3), **options) for index in range(3)
    ]
    assert len({alone, *several}) == 4
    chief = first_draw(monkeypatch, cluster("chief", 0, chief=1, worker=2), **options)
    second = first_draw(monkeypatch, cluster("worker", 0, chief=1, worker=2), **options)
    assert [chief, second] == several[:2]


def test_a_step_is_the_same_for_all_workers(monkeypatch):
    draws = {
        first_draw(monkeypatch, config, seed=5, step_feature="step")
        for config in ({}, *(cluster("worker", index, worker=2) for index in range(2)))
    }
    assert len(draws) == 1
