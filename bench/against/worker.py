"""Times cases in one tree: a process that the comparison talks to, line by line.

A line is the name of a case; the answer is the seconds of a call of it, or what went wrong. The
package is imported from the folder that PYTHONPATH names first; this file is that of the tree which
asks, so both trees are timed by the same code.
"""

from __future__ import annotations

import json
import os
import sys

from ..measure import repetitions_for, sample
from .cases import CASES, LONG_CASES, Call


def main() -> None:
    """Answers until the input ends."""
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    known: dict[str, tuple[Call, int, float]] = {}
    for line in sys.stdin:
        name = line.strip()
        try:
            if name not in known:
                call = (CASES | LONG_CASES)[name]()
                call()  # traces and compiles
                known[name] = call, *repetitions_for(call)
            answer: dict = {"seconds": sample(*known[name])}
        except Exception as error:  # of an old tree, which lacks a name
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
