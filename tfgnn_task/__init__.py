"""What a TF-GNN user imports: the task, the corruptors, the loss and the metrics.

A superset of `tensorflow_gnn.models.contrastive_losses` as far as Barlow Twins reaches.
"""

from .keras_guard import require_keras_2

require_keras_2()

from .corruption import (  # noqa: E402  (the guard has to come first)
    Compose,
    Corruptor,
    DropoutFeatures,
    MaskFeatures,
    ShuffleFeaturesGlobally,
)
from .corruption_edges import DropEdges  # noqa: E402
from .corruption_spec import CorruptionSpec  # noqa: E402
from .loss import BarlowTwinsLoss  # noqa: E402
from .metrics import (  # noqa: E402
    AllSvdMetrics,
    coherence,
    numerical_rank,
    pseudo_condition_number,
    rankme,
    self_clustering,
)
from .task import BarlowTwinsTask, ContrastiveLossTask  # noqa: E402

__all__ = [
    "AllSvdMetrics",
    "BarlowTwinsLoss",
    "BarlowTwinsTask",
    "Compose",
    "ContrastiveLossTask",
    "CorruptionSpec",
    "Corruptor",
    "DropEdges",
    "DropoutFeatures",
    "MaskFeatures",
    "ShuffleFeaturesGlobally",
    "coherence",
    "numerical_rank",
    "pseudo_condition_number",
    "rankme",
    "self_clustering",
]
