"""Graph Barlow Twins for TF-GNN: self-supervised embeddings of graphs in TensorFlow.

Subpackages, in the direction in which they may import one another:

* ``reference``: readable NumPy that defines corruption, loss, gradients and metrics.
* ``kernels``: the fast paths that compute the same numbers.
* ``tfgnn_task``: what a TF-GNN user imports: the task, the corruptors, the metrics.
* ``pretrain``: from a graph to evaluated embeddings; the command ``graph-barlow-twins``.

Importing this package sets the environment variable ``TF_USE_LEGACY_KERAS=1`` unless it is set
already or TensorFlow is loaded already: TF-GNN is written for Keras 2, and TensorFlow reads the
variable once, when it is first imported.
"""

import os as _os
import sys as _sys
from typing import TYPE_CHECKING

from ._lazy import attach as _attach

if TYPE_CHECKING:
    from .pretrain.estimator import GraphBarlowTwins

__version__ = "0.2.0.dev0"

if "tensorflow" not in _sys.modules:
    _os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

__getattr__, __dir__ = _attach(__name__, {"pretrain.estimator": "GraphBarlowTwins"})

__all__ = ["GraphBarlowTwins"]
