"""Tables to features: numbers, categories and texts, the same way for every table."""

import numpy as np
import pandas
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.objects.columns import Columns


def test_numbers_alone_are_taken_as_they_are():
    table = pandas.DataFrame({"a": [1, 2, 3], "b": [0.5, np.nan, 1.5], "c": [True, False, True]})
    found = Columns.of(table).features(table)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[1, 0.5, 1], [2, 1, 0], [3, 1.5, 1]])


def test_numbers_beside_categories_are_standardised():
    table = pandas.DataFrame({"age": [10.0, 20.0, 30.0], "town": ["Ulm", None, "Bonn"]})
    columns = Columns.of(table)
    found = columns.features(table)
    np.testing.assert_allclose(found, [[-1.2247449, 0, 1], [0, 0, 0], [1.2247449, 1, 0]], rtol=1e-6)
    assert columns.described() == (
        "1 number (age), standardised; 1 category (town) as 2 columns of 0 and 1"
    )


def test_another_table_is_read_as_the_first():
    first = pandas.DataFrame({"age": [0.0, 2.0], "town": ["Ulm", "Bonn"]})
    columns = Columns.from_list(Columns.of(first).to_list())
    assert columns == Columns.of(first)
    other = pandas.DataFrame({"town": ["Bonn", "Rom"], "age": [4.0, np.nan], "more": [1, 2]})
    found = scipy.sparse.csr_matrix(columns.features(other)).toarray()
    np.testing.assert_allclose(found, [[3, 1, 0], [0, 0, 0]])


def test_texts_are_hashed_words():
    table = pandas.DataFrame({"title": ["graphs of many words", "words of graphs", "other things"]})
    columns = Columns.of(table)
    assert [one.kind for one in columns.columns] == ["text"]
    found = columns.features(table)
    assert scipy.sparse.issparse(found)
    assert found.shape == (3, 1024)
    assert (found[0] @ found[1].T)[0, 0] == 3
    assert "hashed" in columns.described()


def test_pandas_categories_and_numbers_in_objects():
    table = pandas.DataFrame({"kind": pandas.Categorical(["x y z w", "q", "q"])})
    assert [one.kind for one in Columns.of(table).columns] == ["category"]
    table = pandas.DataFrame({"n": pandas.Series([1, None, 2.5], dtype=object)})
    np.testing.assert_array_equal(Columns.of(table).features(table), [[1], [1.75], [2.5]])
    table = pandas.DataFrame({"n": pandas.array([1, None, 3], dtype="Int64")})
    np.testing.assert_array_equal(Columns.of(table).features(table), [[1], [2], [3]])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"a": [np.nan, np.nan]}, "'a' has no value"),
        ({"name": [f"n{i}" for i in range(1500)] * 3}, "1,500 different values"),
        ({}, "at least one column"),
    ],
)
def test_what_cannot_be_a_feature(table, message):
    with pytest.raises(InputError, match=message):
        Columns.of(pandas.DataFrame(table))


def test_columns_that_changed():
    columns = Columns.of(pandas.DataFrame({"a": [1.0, 2.0]}))
    with pytest.raises(InputError, match="no column 'a'"):
        columns.features(pandas.DataFrame({"b": [1.0]}))
    with pytest.raises(InputError, match="'a'"):
        columns.features(pandas.DataFrame({"a": ["many", "words"]}))


def test_two_columns_of_one_name():
    table = pandas.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(InputError, match="two columns are called 'a'"):
        Columns.of(table)


def test_names_of_rows_are_no_features():
    table = pandas.DataFrame({"name": [f"n{i}" for i in range(40)], "x": range(40)})
    columns = Columns.of(table)
    assert [one.name for one in columns.columns] == ["x"]
    assert columns.described() == "1 number (x); left out, as they name nodes: name"
    assert columns.features(table).shape == (40, 1)
    named = Columns.of(table[["name"]])
    assert named.features(table) is None
    few = Columns.of(table[:20])  # twenty groups are not yet names
    assert [one.name for one in few.columns] == ["name", "x"]
