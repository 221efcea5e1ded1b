"""Times this tree against a commit, in alternation, so that the machine cancels out.

The commit is checked out beside the tree; three processes take turns: one of this tree and two of
the commit, whose difference is what the machine does. It fails where the tree is slower than that
explains, after a second look.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .. import neighbour
from ..machine import ROOT, git
from .cases import CASES, LONG_CASES
from .compare import AGAIN, COMMIT, TREE, NotComparableError, judged
from .trees import checked_out, package_of, seconds_of, worker


def main(arguments=None) -> int:
    """The command line; returns the exit code: 1 where the tree is slower, 2 without any case."""
    parser = argparse.ArgumentParser(prog="python -m bench.against", description=__doc__)
    parser.add_argument("commit", help="such as HEAD~1, a tag, or a merge base")
    parser.add_argument("--rounds", type=int, default=9, help="of each case (9), 3 of the long one")
    parser.add_argument("--cases", default="", help="only those whose name contains this")
    parser.add_argument("--quick", action="store_true", help="without the main job")
    neighbour.add_option(parser)
    parser.add_argument(
        "--repeat", type=int, default=1, help="so many times, in new processes: how often it errs"
    )
    parser.add_argument(
        "--planted", type=float, default=1.0, help="take this tree for so many times as slow"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 3:
        parser.error("--rounds: expected at least 3")
    commit = git("rev-parse", "--verify", f"{options.commit}^{{commit}}").strip()
    codes = []
    with contextlib.ExitStack() as stack:
        tree = stack.enter_context(checked_out(commit))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        old, new = (package_of(one, folder / name) for one, name in ((tree, "old"), (ROOT, "new")))
        for number in range(options.repeat):
            with neighbour.neighbour(options.neighbour):
                codes.append(_compared(commit, {TREE: new, COMMIT: old, AGAIN: old}, options))
            if options.repeat > 1:
                print(f"{codes.count(1)} of {number + 1} comparisons found it slower", flush=True)
    return max(codes, key=(0, 2, 1).index)


def _compared(commit: str, paths: Mapping[str, Path], options: argparse.Namespace) -> int:
    """The exit code of one comparison, with processes of its own."""
    every = CASES if options.quick else CASES | LONG_CASES
    slower, compared = [], 0
    with contextlib.ExitStack() as stack:
        workers = {who: stack.enter_context(worker(path)) for who, path in paths.items()}

        def ask(who: str, case: str) -> float:
            return seconds_of(workers[who], case) * (options.planted if who == TREE else 1)

        print(f"this tree against {commit[:12]}: seconds by seconds, above 1 is slower")
        for case in every:
            if options.cases not in case:
                continue
            try:
                found = judged(ask, case, 3 if case in LONG_CASES else options.rounds)
            except NotComparableError as error:
                print(f"{case:45} not comparable: {error}", flush=True)
                continue
            compared += 1
            word = "SLOWER" if found.is_slower else ""
            print(f"{case:45} {found.ratio:5.2f}  margin {found.margin:.2f}  {word}", flush=True)
            slower += [case] * found.is_slower
    print(f"{compared} compared, {len(slower)} slower")
    return 1 if slower else 0 if compared else 2


if __name__ == "__main__":
    sys.exit(main())
