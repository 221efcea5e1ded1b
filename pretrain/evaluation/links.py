"""Link prediction: do linked nodes lie closer together than nodes without a link?

Links are taken out of the graph before training; afterwards, a link that no training saw should
score higher than a pair of nodes that was never linked. The measure of Kipf and Welling,
Variational Graph Auto-Encoders (2016), https://arxiv.org/abs/1611.07308, with the cosine as score.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse

from ..graph.adjacency import blocks
from ..graph.held_out import HeldOutEdges
from .rows import Directions, Matrix

_BLOCK_ENTRIES = 2**22  # of a dense block of rows while scores are computed


@dataclasses.dataclass(frozen=True)
class LinkPrediction:
    """How well the scores tell links from non-links.

    Attributes:
        auc: area under the ROC curve, in [0, 1]; 0.5 for scores that know nothing.
        average_precision: in [0, 1]; about 0.5 for scores that know nothing.
    """

    auc: float
    average_precision: float


def link_prediction(
    embeddings: Matrix, held_out: HeldOutEdges, *, center: bool = True
) -> LinkPrediction:
    """ROC AUC and average precision of the cosines of held-out links against non-links.

    Args:
        embeddings: [N, K] finite numbers, dense or CSR. The cosine with a row of zeros is 0.
        held_out: pairs of nodes in [0, N), at least one of each kind.
        center: whether the mean row is subtracted first.

    Raises:
        ValueError: no pairs to compare.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    if not held_out.positives.shape[1] or not held_out.negatives.shape[1]:
        raise ValueError("held_out: expected at least one link and one non-link, got none")
    rows = Directions(embeddings, center=center)
    scores = np.concatenate([link_scores(rows, pairs) for pairs in held_out])
    truth = np.repeat([1, 0], [pairs.shape[1] for pairs in held_out])
    return LinkPrediction(
        auc=float(roc_auc_score(truth, scores)),
        average_precision=float(average_precision_score(truth, scores)),
    )


def link_scores(rows: Directions, pairs: np.ndarray) -> np.ndarray:
    """Cosine of the rows of each pair [2, P], float64 [P]; 0 where a row is zero."""
    scores = np.empty(pairs.shape[1])
    for block in blocks(len(scores), max(1, _BLOCK_ENTRIES // rows.width)):
        left, right = (rows[side[block]] for side in pairs)
        if scipy.sparse.issparse(left):
            scores[block] = np.asarray(left.multiply(right).sum(axis=1)).ravel()
        else:
            scores[block] = np.einsum("ij,ij->i", left, right, dtype=np.float64)
    return scores
