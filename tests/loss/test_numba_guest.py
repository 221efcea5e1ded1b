"""The Numba backend is a guest in the process: threads, forks, caches, the settings of others."""

import os
import threading

import numpy as np
import pytest
from graph_barlow_twins.kernels import blas
from graph_barlow_twins.kernels.loss.numba import entry as backend
from graph_barlow_twins.kernels.loss.numba import team as loss_numba_team

from tests.fresh_process import run_python
from tests.views import PATHS, make_views

pytestmark = pytest.mark.usefixtures("nan_filled_buffers")


@pytest.mark.parametrize("path", PATHS)
def test_concurrent_callers_get_what_a_single_one_gets(path, work_split):
    cases = [make_views(300, 40, seed=seed) for seed in range(6)]
    expected = [backend.barlow_twins_loss_and_gradients(*views, path=path) for views in cases]
    wrong = []

    def call(views, right):
        for _ in range(20):
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
    shared, per_thread = blas._libraries()
    return [library.num_threads for library in shared + per_thread]


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
        loss_numba_team.run_parts(kernel, [(0,), (1,), (2,)])
    ran = []
    loss_numba_team.run_parts(ran.append, [(0,), (1,), (2,)])
    assert sorted(ran) == [0, 1, 2]


CALL = """
import numpy as np
from graph_barlow_twins.kernels import loss_numba
z = np.random.default_rng(0).normal(size=(2, 700, 200)).astype(np.float32)
loss, grad, _ = loss_numba.barlow_twins_loss_and_gradients(*z, path="direct")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_works_after_a_fork():
    code = CALL + (
        "import os\n"
        "child = os.fork()\n"
        "again = loss_numba.barlow_twins_loss_and_gradients(*z, path='direct')[1]\n"
        "same = np.array_equal(again, grad)\n"
        "if child == 0:\n"
        "    os._exit(0 if same else 3)\n"
        "print(os.waitpid(child, 0)[1], same)\n"
    )
    assert run_python(code) == "0 True"


def test_second_process_compiles_nothing(tmp_path):
    code = CALL + (
        "kernels = loss_numba.direct.kernels\n"
        "stats = [f.stats for f in (kernels.accumulate, kernels.gradients)]\n"
        "print(sum(sum(s.cache_misses.values()) for s in stats))\n"
    )
    assert run_python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "2"
    assert run_python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "0"


@pytest.mark.parametrize("fault", ["ensure_cache_path", "save"])
def test_cache_that_cannot_be_written(tmp_path, fault):
    # Found out at decoration (no directory at all), or not before the first call (a full disk).
    owner = "_CacheLocator" if fault == "ensure_cache_path" else "IndexDataCacheFile"
    code = (
        "import numba.core.caching as caching\n"
        "def fail(*args):\n"
        "    raise OSError('read-only')\n"
        f"caching.{owner}.{fault} = fail\n" + CALL + "print(np.isfinite(loss))\n"
    )
    assert run_python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "True"
