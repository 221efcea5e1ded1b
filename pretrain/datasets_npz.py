"""One npz file with a graph of one's own. The keys are documented in docs/datasets.md."""

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from .errors import InputError
from .graph_data import GraphData, make_graph_data
from .graph_data_checks import csr_from_parts

_CSR_KEYS = ("features_data", "features_indices", "features_indptr", "features_shape")
_OPTIONAL_KEYS = ("labels", "train_mask", "val_mask", "test_mask", "node_ids")
ALLOWED_KEYS = ("features", *_CSR_KEYS, "edge_index", *_OPTIONAL_KEYS)


def load_npz(path: str | Path) -> GraphData:
    """Reads a graph from one npz file, without unpickling anything.

    Raises:
        InputError: missing or corrupt file, unknown or missing keys, object arrays, or parts that
            do not make a graph.
    """
    parts = _read_arrays(Path(path))
    unknown = sorted(set(parts) - set(ALLOWED_KEYS))
    if unknown:
        raise InputError(
            f"{path}: unknown keys {', '.join(unknown)}; allowed: {', '.join(ALLOWED_KEYS)}"
        )
    if "edge_index" not in parts:
        raise InputError(f"{path}: the key edge_index is missing")
    csr_given = [key for key in _CSR_KEYS if key in parts]
    if ("features" in parts) == bool(csr_given):
        raise InputError(
            f"{path}: expected either features or {', '.join(_CSR_KEYS)}, got "
            + ("both" if csr_given else "neither")
        )
    if csr_given:
        if len(csr_given) < len(_CSR_KEYS):
            missing = [key for key in _CSR_KEYS if key not in parts]
            raise InputError(f"{path}: CSR features lack {', '.join(missing)}")
        try:
            features = csr_from_parts(*(parts[key] for key in _CSR_KEYS))
        except InputError as error:
            raise InputError(f"{path}: features: {error}") from None
    else:
        features = parts["features"]
    return make_graph_data(
        name=f"npz:{path}",
        features=features,
        edge_index=parts["edge_index"],
        **{key: parts.get(key) for key in _OPTIONAL_KEYS},
    )


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    # Not path.is_file(): that raises where a folder on the way may not be entered.
    if not os.path.isfile(path):
        raise InputError(f"dataset 'npz:{path}': no file {path}")
    try:
        archive = np.load(path, allow_pickle=False)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not an npz file, or a truncated one ({error})") from None
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise InputError(f"{path}: expected an npz archive, got a single npy array")
    arrays = {}
    with archive:
        for key in archive.files:
            try:
                value = archive[key]
            # A damaged member fails in zipfile, in zlib, in NumPy's header parser or in malloc.
            except (ValueError, EOFError, OSError, MemoryError) as error:
                hint = "" if "allow_pickle" not in str(error) else "; object arrays are not read"
                raise InputError(f"{path}: cannot read the key {key} ({error}){hint}") from None
            except (zipfile.BadZipFile, zlib.error, SyntaxError, NotImplementedError) as error:
                raise InputError(f"{path}: the key {key} is corrupt ({error})") from None
            if not isinstance(value, np.ndarray):
                raise InputError(f"{path}: the member {key} is not an array")
            arrays[key] = value
    return arrays
