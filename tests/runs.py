"""The command line inside the tests' own process, and one finished run for all who only look.

TensorFlow takes seconds to import, and a run as many again: a test that reads what a run has
written takes the fixture `finished_run`.
"""

import contextlib
import dataclasses
import io
import logging
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock


@dataclasses.dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def run_main(*arguments):
    """The command line; what it sets in TensorFlow for the whole process is set back."""
    from graph_barlow_twins.pretrain.cli.main import main
    from tensorflow.python.framework import config  # the public names only switch it on

    stdout, stderr = io.StringIO(), io.StringIO()
    logger = logging.getLogger("tensorflow")
    before = (logger.level, list(logger.filters))
    deterministic = config.is_op_determinism_enabled()
    try:
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            code = main([str(word) for word in arguments])
    finally:
        if not deterministic:
            config.disable_op_determinism()
    assert before == (logger.level, list(logger.filters))
    return Done(code, stdout.getvalue(), stderr.getvalue())


def save_rings(path, **changes):
    """Two rings of 30 nodes with chords, one for each class; returns the name for --dataset."""
    rng = np.random.default_rng(0)
    nodes = np.arange(60)
    ring = nodes // 30
    edges = [np.stack([nodes, 30 * ring + (nodes + step) % 30]) for step in (1, 7)]
    arrays = {
        "features": (rng.normal(size=(60, 5)) + ring[:, None]).astype(np.float32),
        "edge_index": np.hstack(edges),
        "labels": np.array(["<i>one</i>", "two"])[ring],
        "node_ids": np.array([f"node {i}" for i in nodes]),
    }
    np.savez(path, **{key: v for key, v in (arrays | changes).items() if v is not None})
    return f"npz:{path}"


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """A run on `save_rings`.

    Attributes:
        folder: what it has written; to be left as it is.
        dataset: as given to --dataset; the file's name has to be escaped in HTML.
        options: the other flags but --output.
        done: how the command ended.
    """

    folder: Path
    dataset: str
    options: tuple[str, ...]
    done: Done

    @property
    def arguments(self):
        """All flags but --output."""
        return ("--dataset", self.dataset, *self.options)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """With labels, held-out links, node ids and a correlation: six steps of a gcn, D = 8.

    One for all workers of pytest-xdist: the first that needs it makes it.
    """
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    folder, made = place / "finished", place / "finished.pickle"
    with FileLock(f"{made}.lock"):
        if not made.exists():
            folder.mkdir()
            dataset = save_rings(folder / "rings <b>.npz")
            options = "--units 16 8 --steps 6 --folds 2 --seed 3 --hold-out-edges 0.2 --quiet"
            run = FinishedRun(folder / "run", dataset, tuple(options.split()), Done(0, "", ""))
            done = run_main("pretrain", *run.arguments, "--output", run.folder)
            assert done.returncode == 0, done.stderr
            made.write_bytes(pickle.dumps(dataclasses.replace(run, done=done)))
        return pickle.loads(made.read_bytes())
