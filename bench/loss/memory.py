"""Peak memory of one contestant beside its inputs and results, in a process of its own.

    python -m bench.loss.memory numpy 512x65536

prints one line of JSON. A first call at a small shape of the same path compiles and fills the
buffers that BLAS keeps per thread; what a contestant keeps beyond that counts.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ..machine import ROOT
from .cases import MEMORY_CASES, Case, make_views
from .contestants import BY_NAME, WHAT

# Large enough for all threads to take part.
_SMALL = {"direct": Case(512, 256), "gram": Case(256, 512)}


def _status(key: str) -> int:
    """A size of /proc/self/status in bytes."""
    return (
        int(
            re.search(
                rf"^{key}:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"), re.M
            )[1]
        )
        << 10
    )


def _reset_peak() -> int:
    """Resident bytes now; from here on VmHWM is the peak since."""
    # Freed memory that malloc keeps would be used again, unseen.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return _status("VmRSS")


def measure_here(name: str, case: Case, what: str = "gradients") -> dict:
    """Measures a contestant in this process.

    Args:
        name: Of the contestant.
        case: Shape.
        what: "gradients" or "forward".

    Returns:
        ``extra_bytes`` beside inputs and gradients, ``first_call_s`` at the small shape, and
        ``seconds`` of the measured call.
    """
    contestant = BY_NAME[name]
    path = case.path if contestant.path == "auto" else contestant.path
    warm_up = contestant.setup(*make_views(_SMALL[path]), what)
    started = time.perf_counter()
    warm_up()
    first_call = time.perf_counter() - started
    del warm_up
    call = contestant.setup(*make_views(case), what)
    before = _reset_peak()
    started = time.perf_counter()
    results = call()
    seconds = time.perf_counter() - started
    peak = _status("VmHWM")
    returned = sum(np.asarray(result).nbytes for result in results[1:])
    return {
        "contestant": name,
        "shape": str(case),
        "what": what,
        "extra_bytes": peak - before - returned,
        "first_call_s": round(first_call, 3),
        "seconds": round(seconds, 3),
    }


def measure_apart(name: str, case: Case, what: str = "gradients", **environment: str) -> dict:
    """`measure_here` in a fresh process, with further environment variables."""
    command = [sys.executable, "-m", "bench.loss.memory", name, str(case), "--what", what]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def numba_first_calls() -> dict:
    """Seconds of the first call of the Numba kernels in a process, with and without their cache."""
    case = _SMALL["direct"]
    with tempfile.TemporaryDirectory() as empty:
        cold = measure_apart("numpy", case, NUMBA_CACHE_DIR=empty)
        cached = measure_apart("numpy", case, NUMBA_CACHE_DIR=empty)
    return {"cold": cold["first_call_s"], "cached": cached["first_call_s"]}


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.loss.memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("contestant", choices=BY_NAME, help="whose memory to measure")
    shapes = " and ".join(map(str, MEMORY_CASES))
    parser.add_argument("shape", type=Case.parse, help=f"N x D; of interest are {shapes}")
    parser.add_argument("--what", choices=WHAT, default="gradients", help="what to compute")
    options = parser.parse_args(arguments)
    print(json.dumps(measure_here(options.contestant, options.shape, options.what)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
