"""The same bytes from every runner, in one process or several, and whatever is done twice."""

import pytest
from graph_barlow_twins.pretrain.cluster.read import Read
from graph_barlow_twins.pretrain.cluster.sample import sample

from tests.cluster.by_loops import awkward_flights
from tests.cluster.dask import let_one_die, options_for, two_workers
from tests.schema.flights import write

pytestmark = pytest.mark.slow  # pipelines in several processes

SPEC = """
seed_op { op_name: 'roots' node_set_name: 'flight' }
sampling_ops { op_name: 'a' input_op_names: 'roots' edge_set_name: 'stops_at' sample_size: 1 }
sampling_ops { op_name: 'b' input_op_names: 'a' edge_set_name: 'reversed_stops_at' sample_size: 3 }
sampling_ops { op_name: 'c' input_op_names: 'b' input_op_names: 'roots' edge_set_name: 'next'
               sample_size: 2 }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runners")
    write(folder / "flights", awkward_flights(), ".csv")
    (folder / "spec.pbtxt").write_text(SPEC)
    return folder


def sampled(folder, name, **options):
    options = {"target": "flight", "quiet": True, "spec": str(folder / "spec.pbtxt")} | options
    sample(str(folder / "flights"), str(folder / f"{name}@3"), **options)
    return [path.read_bytes() for path in sorted(folder.glob(f"{name}-*"))]


@pytest.fixture(scope="module")
def expected(folder):
    return sampled(folder, "expected")


@pytest.mark.parametrize(
    "options",
    [
        ["--direct_running_mode=multi_processing", "--direct_num_workers=2"],
        ["--direct_runner_bundle_repeat=1"],  # all is done twice
    ],
)
def test_direct_runner(folder, expected, options, request):
    name = f"direct{len(options)}"
    assert sampled(folder, name, options=options) == expected


def test_buckets_and_files_do_not_matter(folder, expected, monkeypatch):
    monkeypatch.setattr("graph_barlow_twins.pretrain.cluster.job._FEWEST_BUCKETS", 19)
    assert sampled(folder, "buckets") == expected


@pytest.fixture(scope="module")
def cluster():
    with two_workers() as cluster:
        yield cluster


def on_dask(folder, name, cluster, **options):
    return sampled(folder, name, runner="DaskRunner", options=options_for(cluster), **options)


def test_dask(folder, expected, cluster):
    assert on_dask(folder, "dask", cluster) == expected


def test_a_worker_that_dies_is_replaced(folder, expected, cluster):
    let_one_die(cluster, Read, folder / "died")
    assert on_dask(folder, "killed", cluster) == expected
    assert (folder / "died").exists()
