"""The workers that train together: from the options, or from TF_CONFIG."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any

from ..errors import InputError, shown
from .defaults import TEMPLATES

VARIABLE = "TF_CONFIG"
_JOBS = ("chief", "worker")  # in the order of their numbers


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers, of which the first is the chief, and which of them this process is.

    Attributes:
        addresses: HOST:PORT of each, two or more.
        index: of this process.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the results."""
        return self.index == 0

    def tf_config(self) -> str:
        """What TensorFlow's strategies read in the environment."""
        return json.dumps(
            {
                "cluster": {"worker": list(self.addresses)},
                "task": {"type": "worker", "index": self.index},
            }
        )


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of HOST:PORT; an IPv6 host is in brackets.

    Raises:
        ValueError: if it is not of this form.
    """
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        raise ValueError(address)
    return host.strip("[]"), int(port)


def _is_sampled(config: Any) -> bool:
    return bool(config.fan_out) or config.encoder in TEMPLATES


def check_workers(config: Any) -> None:
    """Whether the option names workers, and something that they can share."""
    _check_addresses(config.workers, "--workers")
    if config.workers and not _is_sampled(config):
        raise InputError(_NEEDS_SAMPLING.format("--workers"))


def cluster_of(config: Any) -> Cluster | None:
    """The workers that options or environment name; None: this process works alone.

    Raises:
        InputError: if the options do not say which of them this process is, if TF_CONFIG is not
            understood, says something else, or is set for a training that workers cannot share.
    """
    told, index = _from_environment(os.environ.get(VARIABLE, "")), config.worker_index
    asked = None
    if config.workers:
        if index is None:
            raise InputError("--workers needs --worker-index, which of them this process is")
        _check_index(index, len(config.workers), "--worker-index")
        asked = Cluster(config.workers, index)
    if told is None:
        if asked is None and index is not None:
            raise InputError("--worker-index needs --workers HOST:PORT ...")
        return asked if len(config.workers) > 1 else None
    if asked not in (None, told) or index not in (None, told.index):
        raise InputError(
            f"{VARIABLE} and --workers contradict each other: worker {told.index} of"
            f" {' '.join(told.addresses)} there; give one of them"
        )
    if not _is_sampled(config):
        raise InputError(_NEEDS_SAMPLING.format(VARIABLE) + f"; or unset {VARIABLE}")
    return told


_NEEDS_SAMPLING = (
    "{} needs --fan-out or an encoder of TF-GNN: workers share the roots of sampled batches, and"
    " without sampling each step takes the whole graph"
)


def _from_environment(text: str) -> Cluster | None:
    if not text.strip():
        return None
    try:
        content = json.loads(text)
        jobs = {name: list(addresses) for name, addresses in content.get("cluster", {}).items()}
        task = dict(content.get("task", {}))
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{VARIABLE}: expected JSON with cluster and task, got {shown(text)}"
        ) from None
    if not jobs:
        return None
    others = [name for name in (*jobs, task.get("type")) if name not in _JOBS]
    if others or len(jobs.get("chief", ())) > 1:
        found = f"found {shown(others[0])}" if others else "found several chiefs"
        raise InputError(f"{VARIABLE}: expected one chief at most and workers, {found}")
    addresses = tuple(one for name in _JOBS for one in jobs.get(name, ()))
    _check_addresses(addresses, VARIABLE)
    index, own = task.get("index", 0), len(jobs.get(task["type"], ()))
    _check_index(index, own, f"{VARIABLE}: index of the {task['type']}")
    if len(addresses) == 1:
        return None
    before = len(jobs.get("chief", ())) if task["type"] == "worker" else 0
    return Cluster(addresses, before + int(index))


def _check_addresses(addresses: Sequence[Any], where: str) -> None:
    for one in addresses:
        try:
            host_and_port(one)
        except (ValueError, AttributeError):
            raise InputError(f"{where}: expected HOST:PORT, got {shown(one)}") from None
    if len(set(addresses)) < len(addresses):
        raise InputError(f"{where}: two workers have the same address")


def _check_index(index: Any, count: int, where: str) -> None:
    whole = isinstance(index, int) and not isinstance(index, bool)
    if isinstance(index, str) and index.isascii() and index.isdigit():
        index, whole = int(index), True
    if not (whole and 0 <= index < count):
        raise InputError(f"{where}: expected a number from 0 to {count - 1}, got {shown(index)}")
