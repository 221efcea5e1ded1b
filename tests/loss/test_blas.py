"""The limit of BLAS' threads in a child that is forked while others hold it."""

import contextlib
import os
import signal

import pytest
from graph_barlow_twins.kernels import blas
from threadpoolctl import ThreadpoolController


def num_threads():
    controllers = ThreadpoolController().select(user_api="blas").lib_controllers
    return [library.num_threads for library in controllers]


def exit_code_of_child(check):
    """0 if `check` is true in a forked child, which has five seconds for it."""
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        code = 1
        with contextlib.suppress(BaseException):
            code = 0 if check() else 1
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_is_not_limited_by_its_parent():
    before = num_threads()
    with blas.single_threaded_blas():
        assert exit_code_of_child(lambda: num_threads() == before) == 0
    assert num_threads() == before


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_does_not_wait_for_a_thread_that_it_does_not_have():
    def enter():
        with blas.single_threaded_blas():
            return True

    with blas._limit._lock:  # as another thread does for a moment
        assert exit_code_of_child(enter) == 0
