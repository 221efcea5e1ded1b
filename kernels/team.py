"""A team of threads that run GIL-free kernels side by side.

Why not `numba.prange`: its default threading layer aborts the process when two Python threads enter
it at once, the OpenMP layer aborts it after a fork and spins between regions against TensorFlow's
threads, and the choice is global to the process. These threads sleep on a queue between two
kernels, take whatever caller comes first, and are started anew after a fork.

Why not `concurrent.futures`: a hand-over costs about 40 microseconds here and 60 there (on a busy
machine of two cores), and loss and gradients make three; at [256, 256], where a second thread
begins to pay, that is 3 % of the time. And an executor takes no work from threads that outlive the
main one.
"""

from __future__ import annotations

import os
import queue
import threading

import numba

from .blas import limit_this_thread


class _Part:
    """A kernel call that one of the workers runs."""

    def __init__(self, kernel, arguments):
        self._kernel = kernel
        self._arguments = arguments
        self._error = None
        self._taken, self._running = threading.Lock(), threading.Lock()
        self._running.acquire()

    def run(self):
        if not self._taken.acquire(blocking=False):
            return
        try:
            self._kernel(*self._arguments)
        except BaseException as error:
            self._error = error
        finally:
            self._running.release()

    def cancel(self):
        """Nobody will begin it any more; what has begun goes on."""
        if self._taken.acquire(blocking=False):
            self._running.release()

    def error(self):
        """What it raised, or None; waits for its end."""
        with self._running:
            return self._error


class _Team:
    def __init__(self):
        self.busy = threading.Lock()
        self._inbox = queue.SimpleQueue()
        self._workers = 0

    def run_side_by_side(self, kernel, calls):
        while self._workers < len(calls) - 1:
            threading.Thread(target=_serve, args=(self._inbox,), daemon=True).start()
            self._workers += 1
        parts = [_Part(kernel, arguments) for arguments in calls[1:]]
        try:
            for part in parts:
                self._inbox.put(part)
            kernel(*calls[0])
        except BaseException:  # such as Ctrl-C, which may come between any two lines
            for part in parts:
                part.cancel()
            raise
        finally:
            # Even after an error: the workers still write into the caller's buffers.
            errors = _errors(parts)
        for error in errors:
            if error is not None:
                raise error


def _errors(parts):
    """What each part raised, or None. Ctrl-C reaches the caller, but only when all have ended."""
    try:
        return [part.error() for part in parts]
    except BaseException:
        _errors(parts)
        raise


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


def shares(total: int, parts: int) -> list[tuple[int, int]]:
    """``(start, stop)`` of each of so many nearly equal parts of 0:total."""
    return [(p * total // parts, (p + 1) * total // parts) for p in range(parts)]


def each_in_a_thread(function, calls) -> list:
    """``function(*arguments)`` for each entry of `calls`: what they return, in their order.

    Side by side if several threads are no more than the calls: then nobody waits within a call.
    Else one after the other, each with the whole team.

    Args:
        function: In Python, most of whose time is spent in kernels.
        calls: Argument tuples.
    """
    threads = numba.config.NUMBA_NUM_THREADS
    if threads == 1 or threads > len(calls):
        return [function(*arguments) for arguments in calls]
    results: list = [None] * len(calls)

    def keep(number, arguments):
        results[number] = function(*arguments)

    run_parts(keep, list(enumerate(calls)))
    return results


def threads_for(work: float, per_thread: float, most: int) -> int:
    """How many threads share some work: at least 1, and at most `most` and those of the machine.

    Args:
        work: In any unit.
        per_thread: So much of it takes longer than a hand-over.
        most: Parts that can be told apart.
    """
    return max(1, min(int(work / per_thread), most, numba.config.NUMBA_NUM_THREADS))


def run_parts(kernel, calls):
    """Runs ``kernel(*arguments)`` for each entry of `calls` and returns when all are done.

    The parts run side by side, each in a thread, unless another caller has the team: its threads
    and this one already fill the cores. Then they run one after the other in the calling thread.
    The result is the same bit for bit: what a part computes does not depend on who runs it.

    Args:
        kernel: A function that releases the GIL, or spends most of its time in some that do.
        calls: Argument tuples, one per part.

    Raises:
        BaseException: Whatever a part raised, or KeyboardInterrupt, after all have ended.
    """
    team = _team
    if len(calls) > 1 and team.busy.acquire(blocking=False):
        try:
            team.run_side_by_side(kernel, calls)
        finally:
            team.busy.release()
    else:
        for arguments in calls:
            kernel(*arguments)
