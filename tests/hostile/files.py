"""Valid files of every kind that a command reads, each with its reader, and how to spoil them."""

import dataclasses
import io
import json
import pickle
import random
import tempfile
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.sparse
from graph_barlow_twins.pretrain.config.file import load_toml
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.graph.labels import read_labels
from graph_barlow_twins.pretrain.output.embeddings.read import read_embeddings
from graph_barlow_twins.pretrain.output.embeddings.write import save_embeddings
from graph_barlow_twins.pretrain.output.held_out import read_held_out_edges

from tests.graph.parts import small_parts
from tests.graph.test_npz import csr_parts
from tests.graph.test_planetoid import write_planetoid

TOML = b"""# comment
output = "out"
units = [64, 32]
"learning-rate" = 1e-3
drop_edges = [0.2, 0.4]
dataset = 'npz:graph.npz'
"""
TOKENS = (
    b"",
    b"\0",
    b"\xff" * 8,
    b"\x1b[2J",
    b"PK\x03\x04",
    b"\x93NUMPY\x01\x00",
    b"\x93NUMPY\x03\x00",
    b"NaN",
    b"-1",
    b"1e999",
    b"9" * 5000,
    b"[" * 20_000,
    b"{a=" * 5000,
    b'{"a":' * 20_000,
    b"a." * 5000,
    b"0x" + b"f" * 20_000,
    b"(" * 3000,
    b"\x85" * 5000,
    b"\x94" * 5000,
)
SHAPES = (
    "()",
    "(5,)",
    "(0,)",
    "(-5,)",
    "(5, 4)",
    "(4, 5)",
    "(0, 1099511627776)",
    "(1099511627776, 0)",
    "(4294967296, 4294967296)",
    "(1000000000000,)",
    "(True, 5)",
    "(5.0,)",
    "(" + "1, " * 40 + ")",
    "[5]",
    "5",
    "(" * 500 + "5" + ",)" * 500,
    "(9" + "9" * 5000 + ",)",
)
TYPES = (
    "'<f4'",
    "'>f8'",
    "'<f2'",
    "'<f16'",
    "'|b1'",
    "'|u1'",
    "'<u8'",
    "'<c8'",
    "'<U2'",
    "'>U2'",
    "'|S3'",
    "'<U0'",
    "'|S0'",
    "'|V8'",
    "'|O'",
    "'<M8[s]'",
    "'<m8'",
    "[('a', '<f4')]",
    "'i4,i4'",
    "('<f4', (1000000, 1000000))",
    "'(1000000000,1000)i8'",
    "None",
    "'x'",
    "'f4' * 99999999",
)


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        files: what a folder holds, by name: bytes, or the arrays of an npz archive.
        read: reads the folder.
    """

    files: dict[str, bytes | dict[str, np.ndarray]]
    read: Callable[[Path], object]


def kinds() -> dict[str, Kind]:
    graph = small_parts()
    sparse = scipy.sparse.random(5, 4, 0.5, format="csr", random_state=0)
    labels = {key: value for key, value in graph.items() if key not in ("features", "edge_index")}
    vectors = {"embeddings": graph["features"], "node_ids": np.array(list("abcde"))}
    pairs = {"positives": np.array([[0, 1], [1, 2]]), "negatives": np.array([[0, 2], [3, 4]])}
    config = json.dumps(PretrainConfig(output="out").to_dict()).encode()
    run = {"embeddings.npz": vectors, "held_out_edges.npz": pairs, "config.json": config}
    return {
        "npz": Kind({"g.npz": graph}, lambda at: load_dataset(f"npz:{at / 'g.npz'}")),
        "sparse npz": Kind(
            {"g.npz": small_parts(features=None) | csr_parts(sparse)},
            lambda at: load_dataset(f"npz:{at / 'g.npz'}"),
        ),
        "npy folder": Kind(
            {f"{key}.npy": npy(array) for key, array in graph.items()},
            lambda at: load_dataset(f"npy:{at}"),
        ),
        "sparse npy folder": Kind(
            {
                f"{key}.npy": npy(array)
                for key, array in (small_parts(features=None) | csr_parts(sparse)).items()
            },
            lambda at: load_dataset(f"npy:{at}"),
        ),
        "planetoid": Kind({}, lambda at: load_dataset("planetoid:tiny", str(at))),
        "toml": Kind({"run.toml": TOML}, lambda at: load_toml(at / "run.toml", PretrainConfig)),
        "embeddings npz": Kind({"e.npz": vectors}, lambda at: read_embeddings(str(at / "e.npz"))),
        "embeddings npy": Kind(
            {"e.npy": npy(graph["features"])}, lambda at: read_embeddings(str(at / "e.npy"))
        ),
        "run": Kind(run, lambda at: read_embeddings(str(at))),
        "labels npz": Kind({"l.npz": labels}, lambda at: read_labels(str(at / "l.npz"))),
        "labels npy": Kind(
            {"l.npy": npy(np.array(["b", "a", ""]))}, lambda at: read_labels(str(at / "l.npy"))
        ),
        "held-out edges": Kind({"h.npz": pairs}, lambda at: read_held_out_edges(at / "h.npz", 5)),
    }


def tables_of_embeddings() -> dict[str, Kind]:
    """As `embed` writes them, in each kind of table."""
    data = types.SimpleNamespace(node_ids=np.array(list("abcde")))
    found = {}
    for ending in ("csv", "tsv.gz", "txt", "parquet"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"e.{ending}")
            save_embeddings(small_parts()["features"].astype(np.float32), data, path)
            content = {path.name: path.read_bytes()}
        found[f"embeddings {ending}"] = Kind(
            content, lambda at, name=path.name: read_embeddings(str(at / name))
        )
    return found


def written(kind: Kind, folder: Path) -> dict[str, bytes]:
    """Writes the valid files; returns their content by name."""
    if not kind.files:
        write_planetoid(folder)
    for name, content in kind.files.items():
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            np.savez(folder / name, **content)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def archive(members, method=zipfile.ZIP_STORED) -> bytes:
    """A zip file of pairs of a name and a content."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as out:
        for name, content in members:
            out.writestr(name, content)
    return file.getvalue()


def spoiled(name: str, content: bytes, rng: random.Random) -> bytes:
    """The file with one to three faults; of an archive, half of them inside its members."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = _once(name, content, rng)
    return content


def _once(name: str, content: bytes, rng: random.Random) -> bytes:
    if name.endswith(".npz") and rng.random() < 0.7:
        return _archive_spoiled(content, rng)
    if content.startswith(b"\x93NUMPY") and len(content) > 128:
        what = rng.random()
        if what < 0.4:
            return _header(rng) + content[128:]
        if what < 0.8:  # another value
            at = rng.randrange(128, len(content))
            return content[:at] + rng.randbytes(1) + content[at + 1 :]
    if name.startswith("ind.") and rng.random() < 0.3:
        value = rng.choice((2**70, [[1]], {0: [99]}, {(0,): 1}, np.zeros((2**10, 0)), np.ones(3)))
        return pickle.dumps(value, rng.randrange(6))
    return _bytes_spoiled(content, rng)


def _bytes_spoiled(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content) + 1)
    end = min(len(content), start + rng.choice((1, 1, 4, 50)))
    return rng.choice(
        (
            content[:start],
            content[start:],
            content[:start] + rng.randbytes(end - start) + content[end:],
            content[:start] + content[end:],
            content[:start] + rng.choice(TOKENS) + content[start:],
            content[:start] + rng.choice(TOKENS) + content[end:],
            content[:end] + content[start:],
            content[:start]
            + bytes(one ^ 1 << rng.randrange(8) for one in content[start:end])
            + content[end:],
        )
    )


def _header(rng: random.Random) -> bytes:
    shape, dtype = rng.choice(SHAPES), rng.choice(TYPES)
    text = f"{{'descr': {dtype}, 'fortran_order': {rng.choice((True, False, 0))}, 'shape': {shape}"
    text += rng.choice((", }", "}", "", ", 'more': 1}")) + "\n"
    length = rng.choice((len(text), len(text), len(text), 0, 65535))
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + text.encode()


def _archive_spoiled(content: bytes, rng: random.Random) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as read:
            members = [(name, read.read(name)) for name in read.namelist()]
    except Exception:  # spoiled before
        return _bytes_spoiled(content, rng)
    if not members:
        return b""
    at = rng.randrange(len(members))
    name, inner = members[at]
    what = rng.randrange(6)
    if what < 3:
        members[at] = name, _once("", inner, rng)
    elif what == 3:
        members[at] = rng.choice(("../../x.npy", "\x1b[2J", "a" * 60_000, name[:-4])), inner
    elif what == 4:
        members.append((name.removesuffix(".npy"), inner))
    else:
        return _flags_spoiled(archive(members), rng)
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    return archive(members, rng.choice(methods))


def _flags_spoiled(content: bytes, rng: random.Random) -> bytes:
    """Another byte in an entry of the directory: encryption, method, version, lengths, offset."""
    entry = content.rindex(b"PK\x01\x02") if rng.random() < 0.5 else content.index(b"PK\x01\x02")
    at = entry + rng.choice((4, 6, 8, 10, 16, 20, 24, 28, 30, 42))
    return content[:at] + rng.randbytes(rng.choice((1, 4))) + content[at + 4 :]
