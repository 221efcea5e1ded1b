"""Multi-label targets: a matrix of 0 and 1 in any dtype, rows of -1 where unknown."""

import dataclasses

import numpy as np
import pytest
from graph_barlow_twins.pretrain.graph.checks import check_labels
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.labels import read_labels
from graph_barlow_twins.pretrain.graph.npy import load_npy_folder
from graph_barlow_twins.pretrain.graph.npz import load_npz
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tests.graph.parts import refused, small_parts

LABELS = np.array([[0, 1, 1], [0, 0, 0], [1, 1, 1], [-1, -1, -1], [1, 0, 0]])


def with_label(value, row, column):
    changed = LABELS.astype(type(value))
    changed[row, column] = value
    return changed


def with_nan_rows(dtype):
    return np.where(LABELS < 0, np.nan, LABELS).astype(dtype)


@pytest.mark.parametrize(
    "labels",
    [LABELS, LABELS.astype(np.int8), LABELS * 1.0, with_nan_rows("f8"), with_nan_rows("f2")],
)
def test_a_matrix_of_any_number_type(labels):
    data = make_graph_data(name="g", **small_parts(labels=labels))
    np.testing.assert_array_equal(data.labels, LABELS)
    assert data.labels.dtype == np.int8
    assert data.is_multilabel
    assert data.class_names == ("0", "1", "2")
    assert data.num_classes == 3
    np.testing.assert_array_equal(data.is_known, [True, True, True, False, True])
    moved = data.reordered(np.array([3, 0, 2]))
    np.testing.assert_array_equal(moved.labels, LABELS[[3, 0, 2]])
    np.testing.assert_array_equal(moved.is_known, [False, True, True])


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint64])
def test_types_that_have_no_minus_one(dtype):
    data = make_graph_data(name="g", **small_parts(labels=np.abs(LABELS).astype(dtype)))
    np.testing.assert_array_equal(data.labels, np.abs(LABELS))
    assert data.is_known.all()


def test_classes_are_known_where_they_are_not_negative():
    data = make_graph_data(name="g", **small_parts())
    assert not data.is_multilabel
    np.testing.assert_array_equal(data.is_known, data.labels >= 0)
    nothing = dataclasses.replace(data, labels=None)
    assert not nothing.is_multilabel
    assert not nothing.is_known.any()
    assert nothing.is_known.shape == (5,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": with_label(2, 4, 1)}, "0 or 1, or a whole row of -1 .*got 2 in row 4, column"),
        (
            {"labels": with_label(0.5, 0, 2)},
            r"got 0\.5 in row 0, column 2 \(1 such values in all\)",
        ),
        ({"labels": with_label(-1, 0, 2)}, "got -1 in row 0, column 2"),
        ({"labels": with_label(0, 3, 1)}, r"got -1 in row 3, column 0 \(2 such values in all\)"),
        ({"labels": with_label(np.nan, 0, 0)}, "got nan in row 0, column 0"),
        ({"labels": with_label(np.nan, 3, 0)}, "got nan in row 3, column 0"),
        ({"labels": with_label(np.inf, 0, 0)}, "got inf in row 0, column 0"),
        ({"labels": LABELS[:4]}, r"expected shape \(5,\) or \(5, C\), got \(4, 3\)"),
        ({"labels": LABELS[:, :, None]}, r"expected shape \(5,\), got \(5, 3, 1\)"),
        ({"labels": LABELS.astype(str)}, "expected a matrix of 0 and 1, got dtype <U"),
        ({"labels": LABELS + 0j}, "expected a matrix of 0 and 1, got dtype complex128"),
        ({"labels": np.zeros((5, 1001), bool)}, "at most 1,000 columns, got 1,001"),
        ({"labels": np.full((5, 3), -1)}, "at least one row of 0 and 1, got none"),
        ({"labels": np.full((5, 3), np.nan)}, "at least one row of 0 and 1, got none"),
        ({"labels": LABELS, "val_mask": np.arange(5) == 3, "test_mask": np.arange(5) == 4}, "val_"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    refused(f"^g: .*{message}", make_graph_data, name="g", **small_parts(**changes))


@settings(derandomize=True, deadline=None)
@given(
    arrays(np.int8, array_shapes(min_dims=2, max_dims=2, min_side=2), elements=st.integers(0, 1))
)
def test_integers_floats_and_bools_say_the_same(labels):
    found, names = check_labels(labels, len(labels))
    np.testing.assert_array_equal(found, labels)
    assert len(names) == labels.shape[1]
    for dtype in (bool, np.float32, np.int64):
        np.testing.assert_array_equal(check_labels(labels.astype(dtype), len(labels))[0], labels)


def test_every_reader_takes_them(tmp_path):
    parts = small_parts(labels=LABELS)
    np.savez(tmp_path / "g.npz", **parts)
    np.save(tmp_path / "l.npy", LABELS)
    for key, part in parts.items():
        (tmp_path / "folder").mkdir(exist_ok=True)
        np.save(tmp_path / "folder" / f"{key}.npy", part)
    for nodes in (
        load_npz(tmp_path / "g.npz"),
        load_npy_folder(tmp_path / "folder"),
        read_labels(str(tmp_path / "g.npz")),
        read_labels(str(tmp_path / "l.npy")),
    ):
        np.testing.assert_array_equal(nodes.labels, LABELS)
    np.save(tmp_path / "l.npy", LABELS[:, :1])  # a column is one label per node
    assert read_labels(str(tmp_path / "l.npy")).labels.ndim == 1
    np.save(tmp_path / "l.npy", LABELS[:, :, None])
    refused(r"expected shape \[N\], got .*; several", read_labels, str(tmp_path / "l.npy"))


def test_of_a_graph_without_features_they_tell_the_number_of_nodes():
    data = make_graph_data(name="g", edge_index=[[0, 1], [1, 2]], labels=LABELS)
    assert data.num_nodes == 5
