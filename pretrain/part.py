"""The part of a worker who is not the chief: it trains, and writes nothing."""

from __future__ import annotations

import sys
import warnings

from .config.cluster import Cluster
from .config.options import PretrainConfig
from .job import read, team_of
from .phases import take_part
from .quiet import errors_only
from .training.gradients import forgotten_gradients


@forgotten_gradients()
@errors_only("tensorflow")
def run_part(config: PretrainConfig, cluster: Cluster) -> str:
    """Takes part in the training of `job.run_job`.

    Args:
        config: that of the chief, but for the number of the worker.
        cluster: of `config.cluster.cluster_of`.

    Returns:
        A line about it.

    Raises:
        InputError: for input or options that cannot be used, or another graph than the chief's.
        TrainingDivergedError: if the loss becomes NaN or infinite.
        WorkersMissingError: if a worker does not come, or is gone (WorkerLostError).
    """
    name = f"worker {cluster.index} of {len(cluster.addresses)}"

    def say(message: str) -> None:
        if not config.quiet:
            print(f"{name}: {message}", file=sys.stderr, flush=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the chief tells them
        found = read(config)
    team = team_of(config, found.digest, found.recipe, found.data, say)
    assert team is not None
    trained = take_part(found.recipe, found.data, team, found.network)
    steps = len(trained.history["loss"]) - trained.first_step
    return f"{name} took part in {steps} steps; the chief writes the results"
