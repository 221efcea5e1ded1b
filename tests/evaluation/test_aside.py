"""A call in a second process gives what it gives here, whatever becomes of the process."""

import os
import signal
import subprocess
import sys
import time
import warnings
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain import comparison
from graph_barlow_twins.pretrain.aside import Aside
from graph_barlow_twins.pretrain.graph.data import make_graph_data

HERE = os.getpid()


def pid_of_caller():
    warnings.warn("told from afar", UserWarning, stacklevel=1)
    return os.getpid()


def killed_elsewhere(here):
    if os.getpid() != here:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def refuse(text):
    raise ValueError(text)


@pytest.mark.skipif(joblib.cpu_count() == 1, reason="one core has no second process")
def test_another_process_makes_the_call_and_its_warnings_are_given_here():
    with Aside(pid_of_caller) as aside, pytest.warns(UserWarning, match="told from afar"):
        assert aside.result() != HERE


@pytest.mark.slow  # a second process for each
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kills on Windows")
def test_a_process_that_is_killed_costs_time_alone():
    with Aside(killed_elsewhere, HERE) as aside:
        assert aside.result() == HERE


@pytest.mark.slow
def test_files_in_the_working_folder_are_not_run(tmp_path, monkeypatch):
    (tmp_path / "pickle.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    with Aside(os.getpid) as aside:
        assert aside.result() != HERE


@pytest.mark.slow
def test_the_process_ends_in_order():
    with Aside(os.getpid) as aside:
        aside.result()
        assert aside._process.wait(60) == 0


@pytest.mark.slow
def test_errors_come_out_where_the_result_is_asked_for():
    with Aside(refuse, "wrong") as aside, pytest.raises(ValueError, match="wrong"):
        aside.result()


def test_without_a_second_process_the_call_is_made_here(monkeypatch):
    def no_more(*arguments, **options):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", no_more)
    with Aside(killed_elsewhere, HERE) as aside:
        assert aside.result() == HERE
    monkeypatch.setattr(joblib, "cpu_count", lambda: 1)
    with Aside(killed_elsewhere, HERE) as aside:
        assert aside.result() == HERE


ASKER = """
import time
from graph_barlow_twins.pretrain.aside import Aside
with Aside(time.sleep, 600) as aside:
    print(aside._process.pid, flush=True)
    aside.result()
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc"), reason="asks Linux whether a process lives")
def test_the_process_ends_with_a_parent_that_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", ASKER], stdout=subprocess.PIPE, text=True
    ) as asker:
        other = int(asker.stdout.readline())
        assert os.path.isdir(f"/proc/{other}")
        asker.kill()
    deadline = time.monotonic() + 60
    while os.path.isdir(f"/proc/{other}") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not os.path.isdir(f"/proc/{other}")


@pytest.mark.parametrize(("sparse", "begins"), [(True, True), (False, False)])
def test_baselines_begin_aside_where_the_features_take_little(sparse, begins, monkeypatch):
    """As they are stored: words of many nodes are sparse. The links stay here."""
    begun = []
    monkeypatch.setattr(comparison, "_MANY_BYTES", 1_000_000)
    monkeypatch.setattr(Aside, "__enter__", lambda self: begun.append(self._call.args) or self)
    words = scipy.sparse.eye_array(600, 500, format="csr", dtype=np.float32)
    data = make_graph_data(
        name="words",
        features=scipy.sparse.csr_matrix(words) if sparse else words.toarray(),
        edge_index=np.array([[0], [1]]),
        labels=np.arange(600) % 2,
    )
    config, recipe = (
        SimpleNamespace(evaluation=True, folds=None),
        SimpleNamespace(units=[8], seed=0),
    )
    with comparison.Comparison(config, recipe, data):
        assert len(begun) == begins
    assert all(nodes.num_edges == 0 for nodes, *_ in begun)
