"""Which workers there are, from TF_CONFIG and from options; and the parts they take."""

import json
import threading

import pytest
from graph_barlow_twins.pretrain.config.cluster import Cluster, cluster_of
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.errors import InputError, WorkersMissingError
from graph_barlow_twins.pretrain.training.workers.meeting import meet
from graph_barlow_twins.pretrain.training.workers.part import Part

from tests.distribution.replicas import free_ports

TWO = ("a:1", "b:2")


def asked(workers=(), index=None, fan_out=(4, 3)):
    return PretrainConfig(output="o", fan_out=fan_out, workers=workers, worker_index=index)


def told(kind="worker", index=0, **cluster):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.fixture
def tf_config(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    return lambda text: monkeypatch.setenv("TF_CONFIG", text)


def test_nobody_else(tf_config):
    assert cluster_of(asked()) is None
    assert cluster_of(asked(("a:1",), 0)) is None
    for text in ("", "{}", told(worker=["a:1"]), told("chief", chief=["a:1"])):
        tf_config(text)
        assert cluster_of(asked()) is None
        assert cluster_of(asked(fan_out=())) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (told(worker=TWO, index=1), Cluster(TWO, 1)),
        (told("chief", chief=["a:1"], worker=["b:2"]), Cluster(TWO, 0)),
        (told("worker", chief=["a:1"], worker=["b:2"]), Cluster(TWO, 1)),
        (told("worker", "1", worker=["[::1]:5", "b:2"]), Cluster(("[::1]:5", "b:2"), 1)),
    ],
)
def test_from_the_environment(tf_config, text, expected):
    tf_config(text)
    assert cluster_of(asked()) == expected
    assert cluster_of(asked(expected.addresses, expected.index)) == expected
    assert json.loads(expected.tf_config())["task"] == {"type": "worker", "index": expected.index}


def test_from_options(tf_config):
    del tf_config
    assert cluster_of(asked(TWO, 1)) == Cluster(TWO, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "TF_CONFIG: expected JSON with cluster and task, got '{'"),
        ("[]", "TF_CONFIG: expected JSON"),
        (told(worker=TWO, index=2), "index of the worker: expected a number from 0 to 1, got 2"),
        (told(worker=TWO, index=True), "expected a number from 0 to 1, got True"),
        (told(worker=["a:1", "b"]), "TF_CONFIG: expected HOST:PORT, got 'b'"),
        (told(worker=["a:1", "a:1"]), "two workers have the same address"),
        (told(worker=TWO, ps=["c:3"]), "one chief at most and workers, found 'ps'"),
        (told("evaluator", worker=TWO), "found 'evaluator'"),
        (told("chief", chief=TWO), "several chiefs"),
    ],
)
def test_what_tf_config_may_not_say(tf_config, text, message):
    tf_config(text)
    with pytest.raises(InputError, match=message):
        cluster_of(asked())


@pytest.mark.parametrize(
    ("workers", "index", "message"),
    [
        (TWO, None, "needs --worker-index"),
        ((), 0, "--worker-index needs --workers"),
        (TWO, 2, "--worker-index: expected a number from 0 to 1, got 2"),
        (("a:1", "b:0"), 0, "--workers: expected HOST:PORT, got 'b:0'"),
        (("a:1", ":2"), 0, "--workers: expected HOST:PORT, got ':2'"),
        (("a:1", "a:1"), 0, "the same address"),
    ],
)
def test_what_options_may_not_say(tf_config, workers, index, message):
    del tf_config
    with pytest.raises(InputError, match=message):
        cluster_of(asked(workers, index))


def test_contradictions_and_full_graphs(tf_config):
    with pytest.raises(InputError, match="--workers needs --fan-out"):
        asked(TWO, 0, fan_out=())
    tf_config(told(worker=TWO))
    with pytest.raises(InputError, match="TF_CONFIG needs --fan-out"):
        cluster_of(asked(fan_out=()))
    with pytest.raises(InputError, match="contradict each other: worker 0 of a:1 b:2 there"):
        cluster_of(asked(TWO, 1))
    with pytest.raises(InputError, match="contradict each other"):
        cluster_of(asked((), 1))


def test_parts_cover_the_batch():
    for size, replicas in ((41, 3), (7, 7), (10, 4)):
        shares = [Part(first, 1, replicas).slice(0, size) for first in range(replicas)]
        assert [i for one in shares for i in range(size)[one]] == list(range(size))
        assert {one.stop - one.start for one in shares} <= {size // replicas, -(-size // replicas)}
        assert Part(0, replicas, replicas).slice(replicas - 1, size) == shares[-1]


# --- the meeting -----------------------------------------------------------------------------


def gather(cluster_size, digests, files, seconds=10):
    """What each worker gets: a Meeting, or an error."""
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(cluster_size))
    found = {}

    def one(index):
        mine = files if index == 0 else {}
        try:
            cluster = Cluster(addresses, index)
            found[index] = meet(cluster, digests[index], mine, seconds, lambda message: None)
        except (InputError, WorkersMissingError) as error:
            found[index] = error

    threads = [threading.Thread(target=one, args=[i]) for i in digests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_all_leave_with_the_files_of_the_chief():
    files = {"backup/chief/ckpt": bytes(range(256)) * 1000, "empty": b""}
    found = gather(3, dict.fromkeys((2, 0, 1), "d"), files)
    assert [found[i].files for i in range(3)] == [files] * 3
    assert [found[i].lost() for i in range(3)] == [None] * 3
    found[2].close()
    assert (found[0].lost(), found[1].lost()) == (2, None)
    found[0].close()
    assert found[1].lost() == 0
    found[1].close()


def test_who_trains_something_else_is_sent_away():
    found = gather(2, {0: "d", 1: "other"}, {}, seconds=1)
    assert isinstance(found[1], InputError)
    assert "worker 1: its graph, its options or its workers are not those" in str(found[1])
    assert isinstance(found[0], WorkersMissingError)
    assert "worker 1 (127.0.0.1:" in str(found[0])


def test_nobody_comes():
    found = gather(2, {1: "d"}, {}, seconds=0.2)
    assert "worker 0 (127.0.0.1:" in str(found[1])
