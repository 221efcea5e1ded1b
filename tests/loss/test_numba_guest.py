"""The Numba backend is a guest in the process: threads, forks, caches, the settings of others."""

import os
import queue
import shutil
import signal
import threading
import time
from pathlib import Path

import numba
import numpy as np
import pytest
from graph_barlow_twins.kernels import blas, team
from graph_barlow_twins.kernels.loss.numba import entry as backend
from graph_barlow_twins.kernels.team import run_parts
from threadpoolctl import threadpool_info

from tests.fresh_process import run_python
from tests.views import PATHS, make_views

pytestmark = pytest.mark.usefixtures("nan_filled_buffers")


@pytest.mark.parametrize("path", PATHS)
def test_concurrent_callers_get_what_a_single_one_gets(path, work_split):
    cases = [make_views(300, 40, seed=seed) for seed in range(4)]
    expected = [backend.barlow_twins_loss_and_gradients(*views, path=path) for views in cases]
    wrong = []

    def call(views, right):
        for _ in range(10):
            result = backend.barlow_twins_loss_and_gradients(*views, path=path)
            if not all(np.array_equal(x, y) for x, y in zip(result, right, strict=True)):
                wrong.append(result)

    threads = [
        threading.Thread(target=call, args=case) for case in zip(cases, expected, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def blas_threads():
    """Of SciPy's BLAS: the copy that its wheel bundles, or all where there is none."""
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    # NumPy's own is called libscipy_openblas as well: the folder tells them apart.
    bundled = [library for library in found if "/scipy" in str(Path(library["filepath"]).parent)]
    return [library["num_threads"] for library in bundled or found]


def failure(function):
    try:
        function()
    except Exception as error:
        return type(error)


def test_blas_threads_are_limited_inside_and_restored_after():
    before = blas_threads()

    def fail_inside():
        with blas.single_threaded_blas(), blas.single_threaded_blas():
            assert set(blas_threads()) == {1}
            raise KeyError

    for _ in range(2):  # threadpoolctl alone would ignore the second thread
        caught = []
        thread = threading.Thread(target=lambda caught=caught: caught.append(failure(fail_inside)))
        thread.start()
        thread.join()
        assert caught == [KeyError]
        assert blas_threads() == before


def test_an_error_in_a_part_reaches_the_caller():
    def kernel(part):
        if part == 1:
            raise KeyError(part)

    with pytest.raises(KeyError):
        run_parts(kernel, [(0,), (1,), (2,)])
    ran = []
    run_parts(ran.append, [(0,), (1,), (2,)])
    assert sorted(ran) == [0, 1, 2]


@pytest.fixture
def python_sigint():
    """Ctrl-C raises, as in a program of its own; the workers of pytest-xdist ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
@pytest.mark.parametrize(("parts", "failing"), [(2, None), (3, 1)])
def test_ctrl_c_reaches_the_caller_when_all_parts_have_ended(parts, failing, python_sigint):
    """While a part runs it writes into buffers of the caller, who must not get on before."""
    ended, first = [], threading.Event()

    def kernel(part):
        if part == parts - 1:
            first.wait()  # before it, Ctrl-C would find no part begun: see the next test
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        if part > 0:
            time.sleep(0.2)
        ended.append(part)
        if part == 0:
            first.set()
        if part == failing:
            raise KeyError(part)

    with pytest.raises(KeyboardInterrupt):
        run_parts(kernel, [(part,) for part in range(parts)])
    assert sorted(ended) == list(range(parts))


@pytest.mark.parametrize("queued", [0, 1, 2])
def test_ctrl_c_while_parts_are_handed_out(queued, monkeypatch):
    """What has begun is waited for, what has not is never begun, and the team works on."""
    began, ended, handed_out = [], [], []

    def kernel(part):
        began.append(part)
        time.sleep(0.2)
        ended.append(part)

    class Inbox(queue.SimpleQueue):
        def put(self, part):
            if len(handed_out) == queued:
                raise KeyboardInterrupt
            handed_out.append(part)
            super().put(part)
            while len(began) < len(handed_out):
                time.sleep(0.01)

    monkeypatch.setattr(team, "_team", team._Team())
    monkeypatch.setattr(team._team, "_inbox", Inbox())
    with pytest.raises(KeyboardInterrupt):
        run_parts(kernel, [(part,) for part in range(4)])
    assert began == list(range(1, queued + 1))
    assert sorted(ended) == began
    time.sleep(0.3)
    assert len(began) == queued
    assert not team._team.busy.locked()


CALL = """
import numpy as np
from graph_barlow_twins.kernels.loss.numba import entry
z = np.random.default_rng(0).normal(size=(2, 700, 200)).astype(np.float32)
loss, grad, _ = entry.barlow_twins_loss_and_gradients(*z, path="direct")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_works_after_a_fork():
    code = CALL + (
        "import os\n"
        "child = os.fork()\n"
        "again = entry.barlow_twins_loss_and_gradients(*z, path='direct')[1]\n"
        "same = np.array_equal(again, grad)\n"
        "if child == 0:\n"
        "    os._exit(0 if same else 3)\n"
        "print(os.waitpid(child, 0)[1], same)\n"
    )
    assert run_python(code) == "0 True"


FORK_WITHIN_A_CALL = """
import os, signal, threading
from graph_barlow_twins.kernels import blas, team
libraries = blas._libraries()[0]
blas._set_threads([(library, 2) for library in libraries])
inside = threading.Event()
def stay():
    with blas.single_threaded_blas():
        inside.set()
        signal.pause()
threading.Thread(target=stay, daemon=True).start()
inside.wait()
blas._limit._lock.acquire()  # and a third thread is about to enter
child = os.fork()
if child == 0:
    signal.alarm(20)
    threads = {library.num_threads for library in libraries}
    with blas.single_threaded_blas():
        pass
    os._exit(0 if threads == {2} else 3)
print(os.waitpid(child, 0)[1], flush=True)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_forgets_the_calls_of_other_threads():
    """They do not live on in the child: its BLAS is not kept to one thread, and no lock held."""
    assert run_python(FORK_WITHIN_A_CALL) == "0"


@pytest.mark.slow
def test_second_process_compiles_nothing(tmp_path):
    code = CALL + (
        "kernels = entry.direct.kernels\n"
        "stats = [f.stats for f in (kernels.accumulate, kernels.gradients)]\n"
        "print(sum(sum(s.cache_misses.values()) for s in stats))\n"
    )
    assert run_python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "2"
    assert run_python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "0"


def triple(x):
    return 3 * x


def test_no_directory_for_the_cache():
    scope = {}
    exec("def triple(x):\n    return 3 * x", scope)  # Numba keeps no code of what is in no file
    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(scope["triple"])
    assert blas.jit()(scope["triple"])(2.0) == 6


def test_cache_that_becomes_unusable(monkeypatch, tmp_path):
    """As on a full disk: found out at the first call only."""
    for make in (lambda: numba.njit(cache=True), blas.jit):
        folder = tmp_path / "cache"
        monkeypatch.setattr(numba.config, "CACHE_DIR", str(folder))
        function = make()(triple)
        shutil.rmtree(folder)
        folder.write_text("")  # a file where the folder was
        if make is blas.jit:
            assert function(2.0) == 6
        else:
            with pytest.raises(OSError, match="cache"):
                function(2.0)
        folder.unlink()
