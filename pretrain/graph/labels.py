"""Labels without a graph: what an evaluation needs to know of the nodes."""

from ..config.places import CHOICES, KINDS
from ..errors import InputError, told_of
from .array_files import check_keys, read_npy, read_npz
from .checks import MASKS, check_labels, check_masks, check_node_ids
from .data import LabelledNodes
from .datasets import load_dataset
from .formats.keys import FOREIGN_KEYS, IGNORED_KEYS, OF_LABELS, in_our_terms
from .npz import ALLOWED_KEYS


def read_labels(
    source: str, data_dir: str | None = None, *, knn: int = 10, split: int = 0
) -> LabelledNodes:
    """Reads labels.

    Args:
        source: an ``.npy`` file of labels [N] or [N, C]; an ``.npz`` file with ``labels``, and
            optionally ``train_mask``, ``val_mask``, ``test_mask`` and ``node_ids``, or under other
            projects' names; or a data set, as of `load_dataset`. Values as docs/usage/datasets.md
            says: integers with -1, or strings with "", for unknown; or a matrix of 0 and 1.
        data_dir: see `load_dataset`.
        knn: see `load_dataset`.
        split: see `load_dataset`.

    Raises:
        InputError: files that cannot be read, or labels that are none.
    """
    is_dataset = source.partition(":")[0] in KINDS
    is_file = source.endswith((".npy", ".npz")) and not is_dataset
    if not is_file:
        try:
            return load_dataset(source, data_dir, knn=knn, split=split)
        except InputError as error:
            if "unknown dataset" not in str(error):
                raise
            raise InputError(
                f"--labels {source}: expected a .npy or .npz file, or a data set: {CHOICES}"
            ) from None
    if source.endswith(".npy"):
        arrays = {"labels": read_npy(source)}
    else:
        keys = ("labels", "node_ids", *MASKS, *OF_LABELS)
        also = (*FOREIGN_KEYS, *IGNORED_KEYS)
        arrays = in_our_terms(read_npz(source, keys, allowed=ALLOWED_KEYS, also=also), source)
        check_keys(source, arrays, required=("labels",))
    given = arrays["labels"]
    if given.ndim not in (1, 2) or not given.size:
        raise InputError(
            f"{source}: labels: expected shape [N], got {given.shape}; several labels per node are"
            " [N, C] with C at least 2"
        )
    num_nodes = len(given)
    with told_of(source):
        labels, class_names = check_labels(given, num_nodes)
        node_ids = arrays.get("node_ids")
        if node_ids is not None:
            node_ids = check_node_ids(node_ids, num_nodes)
        masks = check_masks({key: arrays.get(key) for key in MASKS}, labels, num_nodes, split)
    return LabelledNodes(source, num_nodes, labels, class_names, node_ids, **masks)
