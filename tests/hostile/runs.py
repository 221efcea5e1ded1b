"""Runs of the command line that are killed, and what a run has left in its folder."""

import dataclasses
import hashlib
import json
import multiprocessing
from pathlib import Path

import numpy as np

from tests.hostile.child import run_child
from tests.runs import Done

SECONDS = 300

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["tests.hostile.child"])


@dataclasses.dataclass
class Run:
    """A started command.

    Attributes:
        process: of `multiprocessing`.
    """

    process: multiprocessing.Process
    _log: Path

    def wait(self):
        """How it ended; the exit code is negative after a signal."""
        self.process.join(SECONDS)
        assert self.process.exitcode is not None, "it hangs"
        out, err = (
            Path(f"{self._log}.{end}").read_text(encoding="utf-8") for end in ("out", "err")
        )
        return Done(self.process.exitcode, out, err)

    @property
    def changes(self):
        """How often it has changed the disk."""
        return int(Path(f"{self._log}.count").read_text(encoding="utf-8"))


def start(place, arguments, *, watched="", at=None, how=None):
    """Starts the command; see `run_child`. Logs and temporary files are in the folder `place`."""
    place.mkdir(exist_ok=True)
    log = place / f"run{len(list(place.iterdir()))}"
    log.mkdir()
    process = _server.Process(target=run_child, args=(arguments, log, log, watched, at, how))
    process.start()
    return Run(process, log)


def one_line(done):
    """The only line of stderr that is no warning, without the name of the program."""
    lines = [line for line in done.stderr.splitlines() if "warning: " not in line]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("graph-barlow-twins: error: "), lines
    return lines[0].partition("error: ")[2]


def results(folder):
    """Whatever two runs of the same options should agree on to the last bit, and all names."""
    found = {"names": sorted(path.name for path in folder.iterdir())}
    for name in ("embeddings.npz", "held_out_edges.npz"):
        if (folder / name).exists():
            with np.load(folder / name) as arrays:
                found[name] = {key: arrays[key].tobytes() for key in arrays}
    metrics = json.loads((folder / "metrics.json").read_text())
    for own in ("seconds", "peak_memory_mb", "resumed_at_step"):
        del metrics[own]
    found["metrics"] = metrics
    config = json.loads((folder / "config.json").read_text())
    how = ("output", "overwrite", "resume", "quiet", "data-dir", "data_dir")  # not what
    found["config"] = {key: value for key, value in config.items() if key not in how}
    weights = folder / "model" / "variables" / "variables.data-00000-of-00001"
    found["weights"] = weights.read_bytes()
    found["report"] = (folder / "report.html").stat().st_size > 10_000
    return found


def contents(folder):
    """Every file below a folder, with its content."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
