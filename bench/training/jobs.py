"""From command to report: whole runs of the main job, in alternation.

`python -m bench.training.jobs COMMIT . ". --training adam" --graphs cora,digits` compares a commit
with this tree (`.`), by default options and trained by Adam, graph by graph: seconds from command
to finished report and to the end of the first step, seconds of the training in them, peak memory of
the process, and what the trained embeddings are worth.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from graph_barlow_twins.pretrain.evaluation.evaluate import MEASURES

from ..against.trees import checked_out, package_of
from ..graphs import GRAPHS, save
from ..machine import ROOT, git
from ..ratios import align
from .turns import schedule

TREE = "."


@dataclass
class Finished:
    """One run: seconds, peak memory in GB, and its metrics.

    Attributes:
        seconds: from the command to its end.
        gigabytes: the most that one of its processes held.
        metrics: the content of metrics.json.
        first_step: seconds from the command to the end of the first step; None without steps.
    """

    seconds: float
    gigabytes: float
    metrics: dict
    first_step: float | None


def run_job(options: list[str], package: Path | None = None) -> Finished:
    """`graph-barlow-twins pretrain`, with the package of a folder or the installed one.

    Raises:
        RuntimeError: if it fails; its last lines.
    """
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {} if package is None else {"PYTHONPATH": str(package)}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "graph_barlow_twins.pretrain", "pretrain"]
        command += ["--output", f"{folder}/run", *options]
        start, now = time.perf_counter(), time.time()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise RuntimeError(log.read().decode(errors="replace")[-2000:])
        metrics = json.loads(Path(folder, "run", "metrics.json").read_text(encoding="utf-8"))
        first = first_step_at(Path(folder, "run", "tensorboard"))
    return Finished(seconds, usage.ru_maxrss / 2**20, metrics, first and first - now)


def first_step_at(log: Path) -> float | None:
    """When the first step of a TensorBoard log ended, as seconds since 1970."""
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    found = EventMultiplexer().AddRunsFromDirectory(str(log)).Reload()
    runs = [run for run, tags in found.Runs().items() if "batch_loss" in tags["tensors"]]
    return min((found.Tensors(run, "batch_loss")[0].wall_time for run in runs), default=None)


def line_of(contestant: str, runs: list[Finished]) -> list[str]:
    """Medians of times, the most memory, and means of the measures in percent."""
    trained = [run.metrics["evaluation"]["trained encoder"] for run in runs]
    worth = [
        f"{MEASURES[key]} "
        f"{100 * statistics.fmean(v for one in trained for v in one[key]['values']):.2f}"
        for key in MEASURES
        if all(key in one and one[key]["values"] for one in trained)
    ]
    training = statistics.median(run.metrics["seconds"]["training"] for run in runs)
    first = [run.first_step for run in runs if run.first_step is not None]
    return [
        contestant,
        f"{statistics.median(run.seconds for run in runs):.1f}",
        f"{statistics.median(first):.1f}" if first else "-",
        f"{training:.1f}",
        f"{max(run.gigabytes for run in runs):.2f}",
        ", ".join(worth),
    ]


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.training.jobs", description=__doc__)
    parser.add_argument(
        "contestants", nargs="+", help='commit, or "." for this tree, and options of the main job'
    )
    parser.add_argument("--graphs", default="cora,digits", help=f"of {', '.join(GRAPHS)}")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each (1)")
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        packages: dict[str, Path] = {}
        for place, commit in enumerate({one.split()[0]: None for one in options.contestants}):
            found = commit if commit == TREE else git("rev-parse", "--verify", commit).strip()
            tree = ROOT if commit == TREE else stack.enter_context(checked_out(found))
            packages[commit] = package_of(tree, folder / str(place))
        for commit in packages:  # an uncounted run: what Numba compiles is kept for the others
            for encoder in ("linear", "gcn"):
                run_job(["--encoder", encoder, "--steps", "2"], packages[commit])
        for name in options.graphs.split(","):
            file = folder / "graph.npz"
            save(GRAPHS[name](), file)
            dataset = name if name == "digits" else f"npz:{file}"
            runs: dict[str, list[Finished]] = {one: [] for one in options.contestants}
            for contestant in schedule(options.contestants, options.rounds):
                commit, *words = contestant.split()
                words += ["--dataset", dataset]
                try:
                    runs[contestant].append(run_job(words, packages[commit]))
                except RuntimeError as error:  # such as an option that the commit lacks
                    print(f"{contestant}: {error}", file=sys.stderr)
            lines = [["", "seconds", "first step", "training", "GB", "trained encoder, %"]]
            lines += [
                line_of(one, found) if found else [one, "failed"] + [""] * 4
                for one, found in runs.items()
            ]
            print(f"\n{name}\n", *align(lines), sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
