"""What a TF-GNN user imports: the task, the corruptors, the loss and the metrics.

A superset of `tensorflow_gnn.models.contrastive_losses` as far as Barlow Twins reaches.
"""

from .keras_guard import require_keras_2

require_keras_2()

from ..kernels.metrics.formulas import (  # noqa: E402
    coherence,
    numerical_rank,
    pseudo_condition_number,
    rankme,
    rankme_cap,
    self_clustering,
)
from ..kernels.metrics.views import alignment, cross_correlation_metrics, uniformity  # noqa: E402
from .corruption.compose import Compose  # noqa: E402
from .corruption.edges import DropEdges  # noqa: E402
from .corruption.features import Corruptor, DropoutFeatures, MaskFeatures, ShuffleFeaturesGlobally  # noqa: E402  (the guard has to come first)
from .corruption.keys import number_graphs  # noqa: E402
from .corruption.nodes import DropNodes  # noqa: E402
from .corruption.spec import CorruptionSpec  # noqa: E402
from .export import RepresentationExporter  # noqa: E402
from .loss import BarlowTwinsLoss  # noqa: E402
from .metrics.svd import AllSvdMetrics  # noqa: E402
from .metrics.views import AlignmentUniformityMetrics, CrossCorrelationMetrics  # noqa: E402
from .nonfinite import skip_nonfinite_steps  # noqa: E402
from .resume import finished_epochs  # noqa: E402
from .task import BarlowTwinsTask, ContrastiveLossTask  # noqa: E402

__all__ = [
    "AlignmentUniformityMetrics",
    "AllSvdMetrics",
    "BarlowTwinsLoss",
    "BarlowTwinsTask",
    "Compose",
    "ContrastiveLossTask",
    "CorruptionSpec",
    "Corruptor",
    "CrossCorrelationMetrics",
    "DropEdges",
    "DropNodes",
    "DropoutFeatures",
    "MaskFeatures",
    "RepresentationExporter",
    "ShuffleFeaturesGlobally",
    "alignment",
    "coherence",
    "cross_correlation_metrics",
    "finished_epochs",
    "number_graphs",
    "numerical_rank",
    "pseudo_condition_number",
    "rankme",
    "rankme_cap",
    "self_clustering",
    "skip_nonfinite_steps",
    "uniformity",
]
