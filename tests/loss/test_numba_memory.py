"""Recycled results: nobody ever sees the memory of a result that is still in use."""

import threading

import graph_barlow_twins  # noqa: F401 - selects Keras 2
import numpy as np
import pytest
from graph_barlow_twins.kernels.loss.numba import entry as loss_numba
from graph_barlow_twins.kernels.loss.numba import memory as loss_numba_memory
from graph_barlow_twins.kernels.loss.numba.memory import empty_result

SHAPE = (600, 500)  # 1.2 MB of float32


@pytest.fixture(autouse=True)
def nothing_kept():
    loss_numba_memory._kept.clear()
    yield
    loss_numba_memory._kept.clear()


def address(array):
    return array.__array_interface__["data"][0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_result_is_an_ordinary_array(dtype):
    result = empty_result(SHAPE, dtype)
    assert result.shape == SHAPE
    assert result.dtype == dtype
    assert result.flags.c_contiguous
    assert result.flags.writeable
    assert address(result) % 64 == 0
    result[:] = 3
    assert result.sum() == 3 * result.size


def test_memory_is_recycled_when_the_last_view_is_gone():
    result = empty_result(SHAPE, np.float32)
    result[:] = 1
    place, view = address(result), result[5:].T.reshape(-1)[::2]
    tail = result[100:]
    del result, view
    other = empty_result(SHAPE, np.float32)
    other[:] = 2
    assert address(other) != place
    assert np.all(tail == 1)
    del tail
    assert address(empty_result(SHAPE, np.float32)) == place


def test_other_sizes_are_not_kept_waiting():
    place = address(empty_result(SHAPE, np.float32))
    smaller = empty_result((550, 500), np.float32)
    assert address(smaller) == place  # at most a quarter too large
    del smaller
    assert empty_result((1000, 500), np.float32).shape == (1000, 500)
    tiny, huge = empty_result((3, 4), np.float32), empty_result((30_000, 1000), np.float32)
    assert tiny.base is huge.base is None


def test_few_buffers_are_kept():
    results = [empty_result(SHAPE, np.float32) for _ in range(20)]
    del results
    assert len(loss_numba_memory._kept) == 4


def test_gradients_of_earlier_calls_stay_as_they_are():
    rng = np.random.default_rng(5)
    views = rng.standard_normal((6, 2, 4100, 64)).astype(np.float32)
    kept, copies = [], []
    for a, b in views:
        _, *gradients = loss_numba.barlow_twins_loss_and_gradients(a, b)
        kept.append(gradients[0])
        copies.append([gradient.copy() for gradient in gradients])
    for gradient, (expected, _) in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(gradient, expected)


def test_threads_share_no_memory():
    wrong = []

    def work(number):
        for _ in range(40):
            result = empty_result(SHAPE, np.float32)
            result[:] = number
            view = result[1:]
            del result
            if not np.all(view == number):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
