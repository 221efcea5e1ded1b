"""A team of threads that run GIL-free kernels side by side.

Why not `numba.prange`: its default threading layer aborts the process when two Python threads enter
it at once, the OpenMP layer aborts it after a fork and spins between regions against TensorFlow's
threads, and the choice is global to the process. These threads sleep on a queue between two kernels
(a hand-over costs about 15 microseconds), take whatever caller comes first, and are started anew
after a fork.
"""

from __future__ import annotations

import os
import queue
import threading

import numba

from ...blas import limit_this_thread

# Follows the CPU affinity of the process and the environment variable NUMBA_NUM_THREADS.
TEAM_SIZE = numba.config.NUMBA_NUM_THREADS


class _Job:
    """One kernel call handed to a worker; `wait` returns when it is done."""

    def __init__(self, kernel, arguments):
        self._kernel = kernel
        self._arguments = arguments
        self._error = None
        self._done = threading.Lock()
        self._done.acquire()

    def run(self):
        try:
            self._kernel(*self._arguments)
        except BaseException as error:
            self._error = error
        finally:
            self._done.release()

    def wait(self):
        self._done.acquire()
        if self._error is not None:
            raise self._error


class _Team:
    def __init__(self):
        self._busy = threading.Lock()
        self._inbox = queue.SimpleQueue()
        self._workers = 0

    def run(self, kernel, calls):
        if len(calls) > 1 and self._busy.acquire(blocking=False):
            try:
                self._run_side_by_side(kernel, calls)
            finally:
                self._busy.release()
        else:
            # Another caller has the team: its threads and this one already fill the cores.
            for arguments in calls:
                kernel(*arguments)

    def _run_side_by_side(self, kernel, calls):
        while self._workers < min(len(calls), TEAM_SIZE) - 1:
            threading.Thread(target=_serve, args=(self._inbox,), daemon=True).start()
            self._workers += 1
        jobs = [_Job(kernel, arguments) for arguments in calls[1:]]
        for job in jobs:
            self._inbox.put(job)
        try:
            kernel(*calls[0])
        finally:
            # Even after an error: the workers still write into the caller's buffers.
            errors = [error for error in map(_outcome, jobs) if error is not None]
        if errors:
            raise errors[0]


def _outcome(job):
    try:
        job.wait()
    except BaseException as error:
        return error
    return None


def _serve(inbox):
    limit_this_thread()
    while True:
        inbox.get().run()


_team = _Team()


def _start_anew():
    global _team
    _team = _Team()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


def run_parts(kernel, calls):
    """Runs ``kernel(*arguments)`` for each entry of `calls` and returns when all are done.

    The parts run side by side unless another caller has the team; then they run one after the
    other in the calling thread. The result is the same bit for bit: what a part computes does not
    depend on who runs it.

    Args:
        kernel: A function that releases the GIL.
        calls: Argument tuples, one per part.

    Raises:
        BaseException: Whatever a part raised, after all have ended.
    """
    _team.run(kernel, calls)
