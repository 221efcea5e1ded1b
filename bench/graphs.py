"""The real graphs at hand, and small subgraphs of them; labels and splits as published.

`python -m bench.graphs NAME FILE.npz` writes one as a file for `graph-barlow-twins --dataset`.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.sparse
from graph_barlow_twins.pretrain.graph.data import GraphData, make_graph_data
from graph_barlow_twins.pretrain.graph.digits import load_digits_graph
from graph_barlow_twins.pretrain.graph.planetoid import load_planetoid

from .machine import ROOT

DATA = ROOT / "../shared/data"
_LEAST_MEMBERS = 100  # of a section of Debian, to be a class


def cora() -> GraphData:
    """2,708 papers."""
    return load_planetoid("cora", os.environ.get("GBT_DATA_DIR", str(DATA / "planetoid")))


def heterophilous(name: str) -> GraphData:
    """A graph of ../shared/data/heterophilous with the first of its ten splits."""
    with np.load(DATA / "heterophilous" / f"{name}.npz") as arrays:
        features = arrays["node_features"].astype(np.float32)
        sparse = np.count_nonzero(features) < features.size / 3
        masks = {f"{part}_mask": arrays[f"{part}_masks"][0] for part in ("train", "val", "test")}
        return make_graph_data(
            name=name.removesuffix("_filtered"),
            features=scipy.sparse.csr_matrix(features) if sparse else features,
            edge_index=arrays["edges"].T,
            labels=arrays["node_labels"].astype(np.int64),
            **{key: mask.astype(bool) for key, mask in masks.items()},
        )


def debian(*, relations: bool = True) -> GraphData:
    """63,666 packages with 4 relations; merged into one without `relations`."""
    with np.load(DATA / "debian" / "debian.npz") as arrays:
        count, splits = len(arrays["package_name"]), arrays["package_words_row_splits"]
        values = arrays["package_words_values"]
        words = scipy.sparse.csr_matrix(
            (np.ones(len(values), np.float32), values, splits), (count, len(arrays["vocabulary"]))
        )
        names = ("depends", "recommends", "suggests", "maintained_by")
        links = {f"edge_index_{name}": arrays[f"edge_{name}"] for name in names}
        sections = arrays["package_section"]
        targets = int(arrays["number_of_maintainers"])
    labels = large_sections(sections)
    if relations:
        parts = {"relations": links | {"num_targets_maintained_by": targets}}
    else:
        links.pop("edge_index_maintained_by")
        parts = {"edge_index": np.concatenate(list(links.values()), axis=1)}
    return make_graph_data(name="debian", features=words, labels=labels, **parts)


def large_sections(sections: np.ndarray) -> np.ndarray:
    """The labels of Debian: sections of at least 100 packages, "" for the others."""
    _, of_package, sizes = np.unique(sections, return_inverse=True, return_counts=True)
    return np.where(sizes[of_package] >= _LEAST_MEMBERS, sections, "")


GRAPHS: dict[str, Callable[[], GraphData]] = {
    "cora": cora,
    "digits": load_digits_graph,
    "chameleon": lambda: heterophilous("chameleon_filtered"),
    "actor": lambda: heterophilous("actor"),
    "tolokers": lambda: heterophilous("tolokers"),
    "wisconsin": lambda: heterophilous("wisconsin"),
    "debian": debian,
    "debian, merged": lambda: debian(relations=False),
}


def has_data(name: str) -> bool:
    """Whether the files of a graph are there."""
    folders = {"digits": ROOT, "cora": DATA / "planetoid"}
    default = DATA / ("debian" if name.startswith("debian") else "heterophilous")
    return Path(folders.get(name, default)).is_dir()


def save(data: GraphData, path: str | Path) -> None:
    """Writes the graph under the keys of docs/usage/datasets.md."""
    parts = {"edge_index": data.edge_index, "labels": np.asarray(data.labels)}
    if data.is_sparse:
        features = data.features
        parts |= {f"features_{key}": getattr(features, key) for key in ("data", "indices")}
        parts |= {"features_indptr": features.indptr, "features_shape": np.array(features.shape)}
    else:
        parts["features"] = data.feature_rows(slice(None))
    if data.has_masks:
        parts |= {key: getattr(data, key) for key in ("train_mask", "val_mask", "test_mask")}
    if data.edge_weight is not None:
        parts["edge_weight"] = data.edge_weight
    for one in data.relations:
        parts[f"edge_index_{one.name}"] = one.edge_index
        if one.edge_weight is not None:
            parts[f"edge_weight_{one.name}"] = one.edge_weight
        if not one.between_nodes:
            parts[f"num_targets_{one.name}"] = np.array(one.num_targets)
    np.savez(path, **parts)


def subgraph(data: GraphData, size: int, seed: int) -> GraphData:
    """The first `size` nodes of a breadth-first search from a random node with links.

    Where a component ends, the search begins again at another node. Classes of fewer than two
    members are unknown there; splits and relations are left out.
    """
    rng = np.random.default_rng([seed, size])
    starts = np.searchsorted(data.edge_index[0], np.arange(data.num_nodes + 1))
    linked = np.flatnonzero(np.diff(starts))
    found: list[int] = []
    seen = np.zeros(data.num_nodes, bool)
    for first in rng.permutation(linked):
        queue = deque([] if seen[first] else [first])
        seen[first] = True
        while queue and len(found) < size:
            node = queue.popleft()
            found.append(int(node))
            neighbours = data.edge_index[1, starts[node] : starts[node + 1]]
            for other in rng.permutation(neighbours):
                if not seen[other]:
                    seen[other] = True
                    queue.append(other)
        if len(found) == size:
            break
    nodes = np.sort(found)
    numbers = np.full(data.num_nodes, -1)
    numbers[nodes] = np.arange(len(nodes))
    inside = (numbers[data.edge_index] >= 0).all(axis=0)
    labels = np.full(len(nodes), -1) if data.labels is None else data.labels[nodes]
    counts = np.bincount(labels[labels >= 0], minlength=data.num_classes)
    labels = np.where((labels >= 0) & (counts[labels] >= 2), labels, -1)
    return make_graph_data(
        name=f"{data.name}, {size} nodes, draw {seed}",
        features=data.features[nodes],
        edge_index=numbers[data.edge_index[:, inside]],
        labels=labels,
    )


if __name__ == "__main__":
    save(GRAPHS[sys.argv[1]](), sys.argv[2])
