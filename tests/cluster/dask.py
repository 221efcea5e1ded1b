"""A cluster of Dask on this machine, one of whose workers dies."""

import contextlib
import os
from importlib import import_module
from pathlib import Path

import pytest


@contextlib.contextmanager
def two_workers():
    distributed = pytest.importorskip(
        "distributed", reason="Dask (extra: cluster) is not installed"
    )
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        yield cluster


def options_for(cluster):
    """Of Beam."""
    return [f"--dask_client_address={cluster.scheduler_address}", "--dask_npartitions=1"]


def let_one_die(cluster, do_fn, marker):
    """The first worker that comes to the `process` of a class is gone, and leaves a file."""
    from distributed import Client

    where = do_fn.__module__, do_fn.__name__, str(marker)
    with Client(cluster) as client:
        client.run(exec, f"from tests.cluster import dask\ndask.patch{where!r}", {})


def patch(module, name, marker):
    """Of one worker."""
    do_fn = getattr(import_module(module), name)
    alive = do_fn.process

    def process(self, element):
        try:
            Path(marker).touch(exist_ok=False)
        except FileExistsError:
            return alive(self, element)
        os.kill(os.getpid(), 9)

    do_fn.process = process
