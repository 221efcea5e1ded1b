"""Models from strangers: nothing in them is executed, and broken ones cost one line."""

import itertools
import json
import os
import time
import zipfile

import numpy as np
import pytest
from graph_barlow_twins.pretrain.encoder.weights import ENCODER_WEIGHTS, EncoderWeights
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.output import encoder_files
from graph_barlow_twins.pretrain.output.encoder_files import read_encoder, save_encoder
from graph_barlow_twins.pretrain.output.model import ExportedModel

from tests.cli.embedding import embed, save_graph
from tests.hostile.models import (
    CHANNELS,
    KINDS,
    assert_refused,
    change_description,
    made,
    save,
    weights_of,
)
from tests.sweeps import FULL_SWEEP

CASES = 10_000 if FULL_SWEEP else 1000


@pytest.fixture(params=KINDS)
def saved(request, tmp_path):
    """Folder with a description and weights that are read."""
    save(request.param, weights_of(request.param), tmp_path)
    return tmp_path


def test_a_model_that_writes_a_file_does_not(tmp_path, capsys):
    import tensorflow as tf

    class Writes(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples):
            with tf.control_dependencies([tf.io.write_file(str(tmp_path / "written"), "by it")]):
                return {"representations": tf.zeros([30, 3]) * self.kernel[0]}

    evil = Writes()
    evil.kernel = tf.Variable(tf.ones([5, 3]))
    folder, output = tmp_path / "model", tmp_path / "out.npz"
    tf.saved_model.save(evil, str(folder), signatures={"serving_default": evil.serve})
    dataset = save_graph(tmp_path / "g.npz")
    assert embed(folder, dataset, output) == 2
    assert "--trust-model" in capsys.readouterr().err
    save("linear", weights_of("linear"), folder)
    assert embed(folder, dataset, output) == 0
    assert not (tmp_path / "written").exists()
    assert embed(folder, dataset, output, "--trust-model", "--overwrite") == 0
    assert (tmp_path / "written").exists()  # so it would have


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_comes_back(tmp_path, kind):
    weights = weights_of(kind)
    save_encoder(made(kind, weights), tmp_path)
    found = read_encoder(tmp_path)
    assert type(found) is ENCODER_WEIGHTS[kind]
    for one, other in zip(found.to_list(), weights, strict=True):
        np.testing.assert_array_equal(one, other)
    if kind == "channels":
        assert found.channels == tuple(CHANNELS)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "3", "{}", '"x"', '{"format": NaN}', "\0", "\ufeff{}"),
        pytest.param("[" * 60_000, id="deep"),
        pytest.param("9" * 60_000, id="a long number"),
        pytest.param(" " * 70_000 + "{}", id="long"),
    ],
)
def test_no_description(saved, text):
    (saved / "encoder.json").write_text(text)
    assert_refused(saved, "encoder.json")


def test_bytes_that_are_no_text(saved):
    (saved / "encoder.json").write_bytes(b"\xff\xfe\x00{}")
    assert_refused(saved, "not a JSON file")


@pytest.mark.parametrize("key", ["format", "encoder", "weights"])
@pytest.mark.parametrize("value", [None, True, -1, 2, 1.0, "", "evil", [], {}, [[1]], {"x": [1]}])
def test_wrong_values(saved, key, value):
    change_description(saved, **{key: value})
    assert_refused(saved, "encoder.json")


def test_the_other_kind(saved):
    kind = json.loads((saved / "encoder.json").read_text())["encoder"]
    change_description(saved, encoder=KINDS[(1 + KINDS.index(kind)) % len(KINDS)])
    assert_refused(saved, "the names are not those|a list of channels")


def test_a_key_of_a_later_version(saved):
    change_description(saved, program="import os")
    assert_refused(saved, "the keys encoder, format, weights")


@pytest.mark.parametrize(
    "shape",
    [
        None,
        [],
        [0, 3],
        [-5, 3],
        [5, 3, 1],
        [True, 3],
        [5.0, 3],
        ["5", 3],
        [2**31, 3],
        [2**30, 2**30],
    ],
)
def test_shapes_that_lie(saved, shape):
    shapes = json.loads((saved / "encoder.json").read_text())["weights"]
    change_description(saved, weights=shapes | {next(iter(shapes)): shape})
    assert_refused(saved)


def test_many_layers(saved):
    names = EncoderWeights.names(4 * 5000 - 2)
    change_description(saved, encoder="gcn", weights={name: [1] for name in names})
    assert_refused(saved)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", range(8))
def test_shapes_that_do_not_fit_together(tmp_path, kind, place):
    weights = weights_of(kind)
    if place < len(weights):
        weights[place] = np.repeat(weights[place], 2, axis=-1)
        if (kind, place) in (("linear", 2), ("channels", 2)):  # as many hops as one likes
            weights[place] = weights[place][np.newaxis]
        save(kind, weights, tmp_path)
        assert_refused(tmp_path, "weights: ")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda a: a.astype(np.float64), "expected float32"),
        (lambda a: a.view(np.int32), "expected float32"),
        (lambda a: a.astype(">f4"), "expected float32"),
        (lambda a: a.astype(object), "object arrays"),
        (lambda a: np.full_like(a, np.nan), "expected finite"),
        (lambda a: np.full_like(a, np.inf), "expected finite"),
        (lambda a: a.ravel(), "expected float32 of shape"),
        (lambda a: a[:1], "expected float32"),
    ],
)
def test_wrong_arrays(saved, wrong, message):
    with np.load(saved / "encoder.npz") as arrays:
        arrays = dict(arrays)
    name = next(name for name in arrays if arrays[name].ndim == 2)
    np.savez(saved / "encoder.npz", **arrays | {name: wrong(arrays[name])})
    assert_refused(saved, message)


def test_missing_additional_and_compressed_arrays(saved):
    with np.load(saved / "encoder.npz") as arrays:
        arrays = dict(arrays)
    path = saved / "encoder.npz"
    np.savez(path, **arrays, more=np.ones(3, np.float32))
    assert_refused(saved, "unknown keys more")
    first, *others = arrays
    np.savez(path, **{name: arrays[name] for name in others})
    assert_refused(saved, f"the key {first} is missing")
    np.savez_compressed(path, **arrays)
    assert_refused(saved, "not compressed")
    with zipfile.ZipFile(path, "w") as archive:
        for name in (first, *others[1:]):
            archive.writestr(f"{name}.npy", b"")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(f"{first}.npy", b"")
    assert_refused(saved, f"the key {first} is there twice")
    path.unlink()
    assert_refused(saved, "no file")
    path.mkdir()
    assert_refused(saved, "no file")


def test_a_header_that_asks_for_more_memory_than_there_is(saved):
    """And a bomb: 4 GB of zeros in 4 MB are refused before they are unpacked."""
    path = saved / "encoder.npz"
    with np.load(path) as arrays:
        arrays = dict(arrays)
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            header = {"descr": "<f4", "fortran_order": False, "shape": (2**40,)}
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array_header_1_0(file, header)
                file.write(array.tobytes())
    assert_refused(saved, "encoder.npz")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in arrays:
            archive.writestr(f"{name}.npy", b"\0" * 2**20)
    assert_refused(saved, "not compressed")


def test_links_and_pipes(saved):
    """They are not waited for."""
    for name in ("encoder.json", "encoder.npz"):
        content = (saved / name).read_bytes()
        for make in (os.mkfifo, lambda path: os.symlink("/dev/zero", path)):
            (saved / name).unlink()
            make(saved / name)
            assert_refused(saved, "no file|not a regular file")
        (saved / name).unlink()
        (saved / name).write_bytes(content)
    read_encoder(saved)


def test_numbers_that_overflow(tmp_path, capsys):
    """Finite weights, infinite representations: one line, no warnings, nothing written."""
    dataset, output = save_graph(tmp_path / "g.npz"), tmp_path / "out.npz"
    for kind in KINDS:
        folder = tmp_path / kind
        folder.mkdir()
        save(kind, [np.full_like(w, 3e38) for w in weights_of(kind)], folder)
        assert embed(folder, dataset, output) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "representations that are not finite" in line
        assert not output.exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["encoder.json", "encoder.npz"])
def test_damaged_bytes(tmp_path, kind, name):
    """Flipped, cut, doubled, exchanged: an InputError, or weights that can be applied."""
    save(kind, weights_of(kind), tmp_path)
    data = load_dataset(save_graph(tmp_path / "g.npz"))
    content = (tmp_path / name).read_bytes()
    rng = np.random.default_rng(0)
    messages = []
    for case in range(CASES):
        (tmp_path / name).write_bytes(damaged(content, rng, case))
        start = time.process_time()
        try:
            model = ExportedModel(tmp_path)
            model.load()
            model.check(data)
            assert model.embed(data).shape[0] == data.num_nodes
        except InputError as error:
            messages.append(str(error))
        assert time.process_time() - start < 1
    assert len(messages) > CASES / 2
    assert not any("\n" in message for message in messages)


def damaged(content, rng, case):
    place, length = rng.integers(len(content)), int(rng.integers(1, 9))
    noise = rng.integers(0, 256, length, np.uint8).tobytes()
    kinds = itertools.cycle(
        (
            content[:place] + noise + content[place + length :],
            content[:place],
            content[:place] + content[place:] * 2,
            content[place:] + content[:place],
        )
    )
    return next(itertools.islice(kinds, case % 4, None))


def test_the_encoders_of_the_package_are_all_known():
    from graph_barlow_twins.pretrain.config.defaults import ENCODERS, TEMPLATES

    assert set(encoder_files.ENCODER_WEIGHTS) == set(ENCODERS) - set(TEMPLATES)
