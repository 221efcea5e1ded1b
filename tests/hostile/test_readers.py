"""Whatever a file holds: a reader succeeds, or refuses it in one line, soon, in little memory."""

import math
import os
import random
import shutil
import socket
import tempfile
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from tests.hostile import files
from tests.hostile.attempts import in_child, report
from tests.sweeps import FULL_SWEEP

CHUNK = 500


def fuzz(start, count, of="kinds"):
    """Reports on files that are spoiled by the numbers from ``start`` on."""
    kinds = getattr(files, of)()
    with tempfile.TemporaryDirectory() as root:
        valid = {}
        for name, kind in kinds.items():
            (Path(root) / name).mkdir()
            valid[name] = files.written(kind, Path(root) / name)

        def read(number):
            rng = random.Random(number)
            kind = list(kinds)[number % len(kinds)]
            file = rng.choice(sorted(valid[kind]))
            path = Path(root) / kind / file
            path.write_bytes(files.spoiled(file, valid[kind][file], rng))
            try:
                kinds[kind].read(Path(root) / kind)
            finally:
                path.write_bytes(valid[kind][file])

        report((number, partial(read, number)) for number in range(start, start + count))


def instead_of_files():
    """Reports on what is no file, in the place of every file."""
    with tempfile.TemporaryDirectory() as root:
        os.chdir(root)  # the name of a socket is short
        report(_instead_of_files(Path(root)))


def _instead_of_files(root):
    makers = {
        "folder": os.mkdir,
        "pipe": os.mkfifo,
        "loop": lambda path: os.symlink(path, path),
        "zeros": lambda path: os.symlink("/dev/zero", path),
        "input": lambda path: os.symlink("/dev/stdin", path),
        "nowhere": lambda path: os.symlink("nowhere", path),
        "socket": lambda path: socket.socket(socket.AF_UNIX).bind(path),
        "empty": lambda path: Path(path).touch(),
    }
    for number, (name, kind) in enumerate((files.kinds() | files.tables_of_embeddings()).items()):
        folder = root / str(number)
        folder.mkdir()
        for file, content in files.written(kind, folder).items():
            if file == "ind.tiny.x":
                continue  # nobody reads it
            for maker, make in makers.items():
                (folder / file).unlink()
                make(os.path.join(str(number), file))
                yield f"{maker} as {file} of {name}", partial(kind.read, folder)
                (folder / file).rmdir() if maker == "folder" else (folder / file).unlink()
                (folder / file).write_bytes(content)
    for strange in ("\udcff", "a" * 300, "a\0b"):
        for name, kind in files.kinds().items():
            yield f"{strange!r:.20} for {name}", partial(kind.read, root / strange)


def bombs():
    """Reports on small archives that unfold to much, and on numbers that ask for much."""
    with tempfile.TemporaryDirectory() as folder:
        report(_bombs(Path(folder)))


def _bombs(folder):
    kinds = files.kinds()
    valid = kinds["npz"].files["g.npz"]
    zeros = files.npy(np.zeros(300 << 20, np.uint8))
    for key, method in (
        ("features", zipfile.ZIP_DEFLATED),
        ("labels", zipfile.ZIP_DEFLATED),
        ("features", zipfile.ZIP_LZMA),
        ("other", zipfile.ZIP_DEFLATED),
    ):
        members = [(f"{key}.npy", zeros)] + [
            (f"{name}.npy", files.npy(array)) for name, array in valid.items() if name != key
        ]
        path = folder / "g.npz"
        path.write_bytes(files.archive(members, method))
        yield f"zeros as {key} by {method}", partial(kinds["npz"].read, folder)
    shapes = (5, 10**9), (5, 2**62), (10**9, 4), (2**62, 2**62)
    sparse = kinds["sparse npz"]
    for shape in shapes:
        np.savez(path, **sparse.files["g.npz"] | {"features_shape": np.array(shape)})
        yield f"sparse features of shape {shape}", partial(sparse.read, folder)
    holes = folder / "holes"
    holes.mkdir()
    np.save(holes / "edge_index.npy", valid["edge_index"])
    for name, shape in {"features": (2**38, 1), "labels": (2**40,)}.items():
        with (holes / f"{name}.npy").open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.truncate(file.tell() + math.prod(shape))
        yield f"{name} that are a hole", partial(kinds["npy folder"].read, holes)
        (holes / f"{name}.npy").unlink()
    shutil.rmtree(holes)
    names = ((f"{number}.npy", b"") for number in range(40_000))
    path.write_bytes(files.archive(names))
    yield "forty thousand members", partial(kinds["npz"].read, folder)
    parquet = files.tables_of_embeddings()["embeddings parquet"]
    zeros = np.zeros(1 << 18, np.float32)
    for name, columns in {
        "zeros": {f"dim_{number}": zeros for number in range(400)},
        "one long id": {"id": np.array(["x" * 10**5] * 1000, object), "a": zeros[:1000]},
        "columns": {f"dim_{number}": zeros[:1] for number in range((1 << 16) + 2)},
    }.items():
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / "e.parquet")
        yield f"parquet of {name}", partial(parquet.read, folder)
    toml = folder / "run.toml"
    for name, text in {
        "arrays": b"units = " + b"[" * 16_000,
        "tables": b"a = " + b"{a=" * 5000,
        "names": b"a." * 8000 + b"a = 1",
        "an integer": b"steps = 0x" + b"f" * 16_000,
        "headers": b"".join(b"[%s]\n" % (b"a." * n + b"b") for n in range(120)),
        "a long file": b"#" * 10_000_000,
    }.items():
        toml.write_bytes(text)
        yield f"toml with {name}", partial(kinds["toml"].read, folder)
    run = kinds["run"]
    files.written(run, folder)
    for name, text in {
        "lists": b"[" * 16_000,
        "units": b'{"output": "out", "units": [10000000, 4]}',
        "layers": b'{"output": "out", "units": [' + b"1," * 8000 + b"4]}",
        "hops": b'{"output": "out", "hops": 2000000000}',
        "an integer": b'{"output": "out", "seed": ' + b"9" * 16_000 + b"}",
    }.items():
        (folder / "config.json").write_bytes(text)
        yield f"config with {name}", partial(run.read, folder)


def check(call):
    found = in_child(f"from tests.hostile import test_readers\ntest_readers.{call}")
    assert not found["faults"]
    assert found["slowest"][0] < 10, found["slowest"]
    assert found["megabytes"] < 1000
    return found


def test_spoiled_files():
    found = check("fuzz(0, 240)")
    assert found["count"] == 240
    assert 10 < len(found["accepted"]) < 120  # some faults are none, but most are


def test_spoiled_tables_of_embeddings():
    assert 10 < len(check("fuzz(0, 240, 'tables_of_embeddings')")["accepted"]) < 160


@pytest.mark.slow
def test_more_spoiled_tables_of_embeddings():
    check("fuzz(1000, 2000, 'tables_of_embeddings')")


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 11_000 if FULL_SWEEP else 3000, CHUNK))
def test_more_spoiled_files(start):
    check(f"fuzz({start}, {CHUNK})")


def test_what_is_no_file_in_the_place_of_every_file():
    found = check("instead_of_files()")
    assert found["count"] > 300
    assert found["accepted"] == ["empty as run.toml of toml"]


@pytest.mark.slow  # packs 300 MB, several times
def test_little_that_unfolds_to_much():
    assert not check("bombs()")["accepted"]


@pytest.mark.parametrize("dtype", ["<f2", ">f2", ">f4", "<f8", "|b1", "|i1", ">i8"])
def test_sparse_values_of_any_number_type(tmp_path, dtype):
    kind = files.kinds()["sparse npz"]
    parts = kind.files["g.npz"]
    parts["features_data"] = np.arange(1, 1 + len(parts["features_data"])).astype(dtype)
    np.savez(tmp_path / "g.npz", **parts)
    data = kind.read(tmp_path)
    assert data.features.dtype == np.float32
    np.testing.assert_array_equal(data.features.data, parts["features_data"].astype(np.float32))
