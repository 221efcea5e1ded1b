"""A commit beside the tree, and processes that time the package of one or the other."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..machine import ROOT, git
from .compare import NotComparableError

FOLDERS = ("reference", "kernels", "tfgnn_task", "pretrain")


@contextlib.contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A worktree of a commit, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        git("worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))


def package_of(tree: Path, folder: Path) -> Path:
    """A folder to import the tree's package from: links to its parts."""
    package = folder / "graph_barlow_twins"
    package.mkdir(parents=True)
    for part in FOLDERS:
        (package / part).symlink_to(tree / part)
    for file in (tree / "namespace").iterdir():
        if file.is_file():
            (package / file.name).symlink_to(file)
    return folder


@contextlib.contextmanager
def worker(path: Path) -> Iterator[subprocess.Popen]:
    """A process that times what it is asked, with the package of the path."""
    environment = os.environ | {"PYTHONPATH": str(path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.against.worker"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def seconds_of(process: subprocess.Popen, case: str) -> float:
    """What a worker says of a case.

    Raises:
        NotComparableError: if it cannot run it, or has ended.
    """
    assert process.stdin
    assert process.stdout
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(case + "\n")
        process.stdin.flush()
    answer = json.loads(process.stdout.readline() or '{"error": "the process ended"}')
    if "error" in answer:
        raise NotComparableError(answer["error"])
    return answer["seconds"]
