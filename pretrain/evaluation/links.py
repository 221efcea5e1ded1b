"""Link prediction: do linked nodes lie closer together than nodes without a link?

Links are taken out of the graph before training; afterwards, a link that no training saw should
score higher than a pair of nodes that was never linked. The measure of Kipf and Welling,
Variational Graph Auto-Encoders (2016), https://arxiv.org/abs/1611.07308, with the cosine as score.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse

from ...kernels.keys import derive_key
from ..errors import InputError
from ..graph.array_files import read_npz
from ..graph.data import GraphData
from ..output.replace import replacing

_ENUMERATED_PAIRS = 10**6  # up to here all pairs of nodes are listed rather than drawn
_BLOCK_ENTRIES = 2**22  # of a dense block of rows while scores are computed


class HeldOutEdges(NamedTuple):
    """Pairs of nodes to be told apart.

    Attributes:
        positives: [2, P] int64, links that training did not see, the smaller node in row 0.
        negatives: [2, P] int64, as many pairs that the full graph does not link, likewise.
    """

    positives: np.ndarray
    negatives: np.ndarray


@dataclasses.dataclass(frozen=True)
class LinkPrediction:
    """How well the scores tell links from non-links.

    Attributes:
        auc: area under the ROC curve, in [0, 1]; 0.5 for scores that know nothing.
        average_precision: in [0, 1]; about 0.5 for scores that know nothing.
    """

    auc: float
    average_precision: float


def hold_out_edges(
    data: GraphData, share: float, seed: int
) -> tuple[GraphData, np.ndarray, np.ndarray]:
    """Takes links out of the graph, and draws as many pairs that it does not link.

    A link {u, v} counts once, and both of its directions go. Links are drawn uniformly, so some
    nodes may lose all of theirs. Non-links are drawn uniformly from all pairs u != v that the full
    graph does not link, all different. The same seed draws the same pairs.

    Args:
        data: the full graph with L links.
        share: of the links, in [0, 1); round(share * L) are taken.
        seed: in [0, 2**32).

    Returns:
        The graph without the links, the links [2, P] and the non-links [2, P] (int64, the smaller
        node in row 0).

    Raises:
        InputError: a share that takes no link or leaves none, or a graph with fewer than P
            non-links.
        ValueError: a share outside [0, 1).
    """
    if not 0 <= share < 1:
        raise ValueError(f"share: expected a number in [0, 1), got {share}")
    links = np.unique(_keys(data.edge_index, data.num_nodes))
    count = round(share * len(links))
    if share == 0:
        nothing = np.zeros((2, 0), np.int64)
        return data, nothing, nothing
    if not 0 < count < len(links):
        raise InputError(
            f"{data.name}: --hold-out-edges {share:g} of {len(links)} links: expected to take at"
            f" least one and to leave at least one, but that takes {count}"
        )
    pairs = data.num_nodes * (data.num_nodes - 1) // 2
    if pairs - len(links) < count:
        raise InputError(
            f"{data.name}: --hold-out-edges {share:g} takes {count} links, but only"
            f" {pairs - len(links)} pairs of nodes are not linked, to compare them with"
        )
    rng = np.random.default_rng(derive_key(seed, "held-out links"))
    positives = _pairs(np.sort(rng.choice(links, count, replace=False)), data.num_nodes)
    negatives = _draw_non_links(links, data.num_nodes, count, rng)
    return without_links(data, positives), positives, _pairs(negatives, data.num_nodes)


def without_links(data: GraphData, links: np.ndarray) -> GraphData:
    """The graph without the links [2, P], whatever their direction."""
    dropped = _keys(links, data.num_nodes)
    keep = ~np.isin(_keys(data.edge_index, data.num_nodes), dropped)
    return dataclasses.replace(data, edge_index=data.edge_index[:, keep])


def link_prediction(
    embeddings: np.ndarray | scipy.sparse.csr_matrix, held_out: HeldOutEdges
) -> LinkPrediction:
    """ROC AUC and average precision of the cosines of held-out links against non-links.

    Args:
        embeddings: [N, K] finite numbers, dense or CSR. The cosine with a row of zeros is 0.
        held_out: pairs of nodes in [0, N), at least one of each kind.

    Raises:
        ValueError: no pairs to compare.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    if not held_out.positives.shape[1] or not held_out.negatives.shape[1]:
        raise ValueError("held_out: expected at least one link and one non-link, got none")
    scores = np.concatenate([link_scores(embeddings, pairs) for pairs in held_out])
    truth = np.repeat([1, 0], [pairs.shape[1] for pairs in held_out])
    return LinkPrediction(
        auc=float(roc_auc_score(truth, scores)),
        average_precision=float(average_precision_score(truth, scores)),
    )


def link_scores(embeddings: np.ndarray | scipy.sparse.csr_matrix, pairs: np.ndarray) -> np.ndarray:
    """Cosine of the rows of each pair [2, P], float64 [P]; 0 where a row is zero."""
    from sklearn.preprocessing import normalize

    scores = np.empty(pairs.shape[1])
    block = max(1, _BLOCK_ENTRIES // embeddings.shape[1])
    for start in range(0, len(scores), block):
        left, right = (normalize(embeddings[side[start : start + block]]) for side in pairs)
        if scipy.sparse.issparse(left):
            dots = np.asarray(left.multiply(right).sum(axis=1)).ravel()
        else:
            dots = np.einsum("ij,ij->i", left, right, dtype=np.float64)
        scores[start : start + block] = dots
    return scores


def save_held_out_edges(held_out: HeldOutEdges, path: Path) -> None:
    """Writes ``positives`` and ``negatives``, each [2, P], all or nothing."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **held_out._asdict())


def read_held_out_edges(path: str | Path, num_nodes: int) -> HeldOutEdges:
    """Reads the ``held_out_edges.npz`` of a run: ``positives`` and ``negatives``, each [2, P].

    Raises:
        InputError: missing or corrupt file, missing keys, or pairs that are not of this graph.
    """
    arrays = read_npz(path)
    missing = [key for key in HeldOutEdges._fields if key not in arrays]
    if missing:
        raise InputError(f"{path}: the key {missing[0]} is missing; expected positives, negatives")
    parts = {key: arrays[key] for key in HeldOutEdges._fields}
    for key, pairs in parts.items():
        if pairs.ndim != 2 or pairs.shape[0] != 2 or pairs.dtype.kind not in "iu":
            raise InputError(
                f"{path}: {key}: expected integers [2, P], got {pairs.dtype} of {pairs.shape}"
            )
        if pairs.shape[1] == 0:
            raise InputError(f"{path}: {key}: expected at least one pair of nodes, got none")
        if pairs.min() < 0 or pairs.max() >= num_nodes:
            wrong = pairs.min() if pairs.min() < 0 else pairs.max()
            raise InputError(f"{path}: {key}: expected nodes in [0, {num_nodes}), got {wrong}")
    return HeldOutEdges(*(pairs.astype(np.int64) for pairs in parts.values()))


def _keys(pairs: np.ndarray, num_nodes: int) -> np.ndarray:
    """One integer for each pair, the same for (u, v) and (v, u)."""
    pairs = pairs.astype(np.int64, copy=False)  # of a memory-mapped graph they are int32
    return pairs.min(axis=0) * num_nodes + pairs.max(axis=0)


def _pairs(keys: np.ndarray, num_nodes: int) -> np.ndarray:
    return np.stack([keys // num_nodes, keys % num_nodes])


def _draw_non_links(
    links: np.ndarray, num_nodes: int, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Draws `count` different keys of pairs that are not in `links` (sorted keys)."""
    # In a dense graph most draws would be links; listing takes no more memory than the graph.
    if num_nodes * (num_nodes - 1) // 2 <= max(_ENUMERATED_PAIRS, 4 * len(links)):
        every = _keys(np.stack(np.triu_indices(num_nodes, k=1)), num_nodes)
        return rng.choice(np.setdiff1d(every, links, assume_unique=True), count, replace=False)
    found = np.zeros(0, np.int64)
    while len(found) < count:
        drawn = rng.integers(num_nodes, size=(2, 2 * (count - len(found)) + 16))
        keys = _keys(drawn[:, drawn[0] != drawn[1]], num_nodes)
        found = np.concatenate([found, keys[~np.isin(keys, links)]])
        # In the order drawn: cutting a sorted list to length would favour the small nodes.
        found = found[np.sort(np.unique(found, return_index=True)[1])]
    return found[:count]
