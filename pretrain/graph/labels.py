"""Labels without a graph: what an evaluation needs to know of the nodes."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..errors import InputError
from .array_files import check_keys, read_npy, read_npz
from .checks import MASKS, check_labels, check_masks, check_node_ids, told_of
from .data import GraphData
from .datasets import CHOICES, load_dataset
from .npz import ALLOWED_KEYS


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledNodes:
    """Labels and split of N nodes; the fields are as in `GraphData`.

    Attributes:
        name: what they are called in messages.
        num_nodes: N.
        labels: [N] int64 in [-1, num_classes), or None.
        class_names: of classes 0 .. num_classes - 1.
        node_ids: [N] int64 or str, all different; None if the nodes are known by their order alone.
        train_mask: [N] bool; all three masks or none.
        val_mask: [N] bool or None.
        test_mask: [N] bool or None.
    """

    name: str
    num_nodes: int
    labels: np.ndarray | None
    class_names: tuple[str, ...] = ()
    node_ids: np.ndarray | None = None
    train_mask: np.ndarray | None = None
    val_mask: np.ndarray | None = None
    test_mask: np.ndarray | None = None

    @property
    def num_classes(self) -> int:
        """Number of known classes; 0 without labels."""
        return len(self.class_names)

    @property
    def has_masks(self) -> bool:
        """Whether there is a train / validation / test split."""
        return self.train_mask is not None

    def reordered(self, order: np.ndarray) -> LabelledNodes:
        """Node i of the result is node order[i] of these."""
        arrays = {key: getattr(self, key) for key in ("labels", "node_ids", *MASKS)}
        moved = {key: None if array is None else array[order] for key, array in arrays.items()}
        return dataclasses.replace(self, **moved)


def labels_of(data: GraphData) -> LabelledNodes:
    """The labels of a graph."""
    same = ("name", "num_nodes", "labels", "class_names", "node_ids", *MASKS)
    return LabelledNodes(**{key: getattr(data, key) for key in same})


def read_labels(source: str, data_dir: str | None = None, *, knn: int = 10) -> LabelledNodes:
    """Reads labels.

    Args:
        source: an ``.npy`` file of labels [N]; an ``.npz`` file with ``labels``, and optionally
            ``train_mask``, ``val_mask``, ``test_mask`` and ``node_ids``; or a data set, as of
            `load_dataset`. Values as docs/datasets.md says: integers with -1, or strings with "",
            for unknown.
        data_dir: see `load_dataset`.
        knn: see `load_dataset`.

    Raises:
        InputError: files that cannot be read, or labels that are none.
    """
    is_dataset = source.startswith(("npz:", "npy:", "planetoid:"))
    is_file = source.endswith((".npy", ".npz")) and not is_dataset
    if not is_file:
        try:
            return labels_of(load_dataset(source, data_dir, knn=knn))
        except InputError as error:
            if "unknown dataset" not in str(error):
                raise
            raise InputError(
                f"--labels {source}: expected a .npy or .npz file, or a data set: {CHOICES}"
            ) from None
    single = source.endswith(".npy")
    arrays = {"labels": read_npy(source)} if single else read_npz(source)
    check_keys(source, arrays, required=("labels",), allowed=ALLOWED_KEYS)
    given = arrays["labels"]
    if given.ndim != 1 or not len(given):
        raise InputError(f"{source}: labels: expected shape [N], got {given.shape}")
    num_nodes = len(given)
    with told_of(source):
        labels, class_names = check_labels(given, num_nodes)
        node_ids = arrays.get("node_ids")
        if node_ids is not None:
            node_ids = check_node_ids(node_ids, num_nodes)
        masks = check_masks({key: arrays.get(key) for key in MASKS}, labels, num_nodes)
    return LabelledNodes(source, num_nodes, labels, class_names, node_ids, **masks)
