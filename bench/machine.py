"""What a row set says about where it comes from. Neither host names nor paths."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("numpy", "scipy", "numba", "tensorflow", "tensorflow-gnn", "torch")


def describe_run(config: dict) -> dict:
    """The head of a row set: date, commit, machine, versions, configuration."""
    date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    commit = git("rev-parse", "--short=12", "HEAD").strip()
    return {
        "kind": "run",
        "run": f"{date}-{commit}",
        "date": date,
        "commit": commit,
        # Results themselves, and the page made of them, do not change what is measured.
        "dirty": bool(
            git("status", "--porcelain", ":!bench/results", ":!docs/results/benchmarks.md").strip()
        ),
        "machine": describe_machine(),
        "versions": describe_versions(),
        "config": config,
    }


class OthersShare:
    """Share of all cores' time that other processes took since this object was made.

    They take a core from whoever is measured; a thread pool that spins is hit hardest.
    """

    def __init__(self):
        self._before = self._read()

    @staticmethod
    def _read():
        # user, nice, system, irq, softirq, steal; of all cores, in ticks
        ticks = [int(text) for text in _read("/proc/stat").split("\n")[0].split()[1:]]
        busy = sum(ticks[i] for i in (0, 1, 2, 5, 6, 7)) if ticks else 0
        ours = sum(os.times()[:4])
        return busy / os.sysconf("SC_CLK_TCK") - ours, sum(ticks[:8]) / os.sysconf("SC_CLK_TCK")

    def __call__(self) -> float:
        """The share, from 0 to 1."""
        (busy_before, all_before), (busy, all_ticks) = self._before, self._read()
        return max(busy - busy_before, 0.0) / max(all_ticks - all_before, 0.01)


def describe_machine() -> dict:
    """CPU model, cores, memory."""
    cpu = re.search(r"^model name\s*:\s*(.*)$", _read("/proc/cpuinfo"), re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", _read("/proc/meminfo"), re.M)
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory[1]) * 1024 / 1e9) if memory else None,
        "system": platform.system(),
    }


def describe_versions() -> dict:
    """Python, the packages, and the BLAS of NumPy."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    versions["numpy-blas"] = f"{blas['name']} {blas['version']}"
    return versions


def git(*arguments: str) -> str:
    """Output of a git command in the repository; empty if it fails."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def _read(path):
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
