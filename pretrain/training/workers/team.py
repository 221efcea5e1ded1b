"""The strategy under which this process trains: alone, on several GPUs, or with other workers."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...config.cluster import VARIABLE, Cluster
from ...errors import WorkerLostError
from ...output.folder import OutputFolder
from ..recipe import Recipe
from .meeting import Files, Meeting, Say, meet
from .rejoin import rejoin

_LOOK_EVERY = 0.5  # seconds


@dataclasses.dataclass(frozen=True)
class Team:
    """The workers that train together.

    Attributes:
        cluster: who they are.
        digest: of what they train, equal on all of them; see `digest_of`.
        seconds: how long they wait for one another.
        say: told whom they wait for.
    """

    cluster: Cluster
    digest: str
    seconds: float
    say: Say


def digest_of(cluster: Cluster, graph: str, recipe: Recipe) -> str:
    """What the workers compare: the cluster, the digest of the graph, the recipe."""
    content = json.dumps([cluster.addresses, graph, recipe.to_dict()])
    return hashlib.sha256(content.encode()).hexdigest()


@contextlib.contextmanager
def strategy_of(team: Team | None, recipe: Recipe, folder: OutputFolder) -> Iterator[Any]:
    """The strategy of a training, which begins and ends in the block.

    With other workers: before any operation of TensorFlow, whose collectives begin with it. What
    lies behind the chief's checkpoint is in the folder of every worker then.

    Args:
        team: the workers; None: this process alone.
        recipe: with batches of roots all GPUs of this machine share the roots.
        folder: of the run; that of a worker who is not the chief is his own.

    Raises:
        WorkersMissingError: if not all come.
        WorkerLostError: if one is gone.
    """
    import tensorflow as tf

    if team is None or folder.trained.exists():
        gpus = tf.config.list_physical_devices("GPU")
        several = recipe.batch_size is not None and len(gpus) > 1
        yield tf.distribute.MirroredStrategy() if several else tf.distribute.get_strategy()
        return
    cluster, mine = team.cluster, _checkpoint(folder) if team.cluster.is_chief else {}
    meeting = meet(cluster, team.digest, mine, team.seconds, team.say)
    if not cluster.is_chief:
        _keep(meeting.files, folder)
    os.environ[VARIABLE] = cluster.tf_config()
    lost = (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.FailedPreconditionError,
        tf.errors.InternalError,
        tf.errors.UnknownError,
    )
    with contextlib.closing(meeting):
        try:
            with _looked_after(meeting):
                strategy = tf.distribute.MultiWorkerMirroredStrategy()
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, signal.SIG_DFL)  # TensorFlow takes note, and goes on
            yield strategy
        except lost as error:
            raise WorkerLostError(_told(cluster)) from error


def _told(cluster: Cluster) -> str:
    return f"worker {cluster.index} of {len(cluster.addresses)} has lost another one"


@contextlib.contextmanager
def _looked_after(meeting: Meeting) -> Iterator[None]:
    """TensorFlow waits for ever for a process that ends before all are connected."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(_LOOK_EVERY):
            if (number := meeting.lost()) is not None:
                rejoin(f"worker {number} has gone before the training")

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _checkpoint(folder: OutputFolder) -> Files:
    """What a resume needs of the chief's folder."""
    paths = [folder.history, *sorted(folder.backup.rglob("*"))]
    return {
        path.relative_to(folder.checkpoint).as_posix(): path.read_bytes()
        for path in paths
        if path.is_file()
    }


def _keep(files: Files, folder: OutputFolder) -> None:
    for name, content in files.items():
        path = folder.checkpoint / name
        if folder.checkpoint.resolve() not in path.resolve().parents:
            raise ValueError(f"the chief has sent {name}")  # nothing of ours is named so
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content)
