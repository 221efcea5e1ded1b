"""From a graph to evaluated embeddings; the command line is `cli`, the job itself `job`.

    from graph_barlow_twins.pretrain import GraphBarlowTwins, PretrainConfig, run_job

Each name is loaded when it is first asked for; TensorFlow not before a job has checked its input.
"""

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .config.options import PretrainConfig
    from .errors import InputError, TrainingDivergedError
    from .estimator import GraphBarlowTwins
    from .job import JobResult, run_job

__getattr__, __dir__ = attach(
    __name__,
    {
        "config.options": "PretrainConfig",
        "errors": "InputError TrainingDivergedError",
        "estimator": "GraphBarlowTwins",
        "job": "JobResult run_job",
    },
)

__all__ = [
    "GraphBarlowTwins",
    "InputError",
    "JobResult",
    "PretrainConfig",
    "TrainingDivergedError",
    "run_job",
]
