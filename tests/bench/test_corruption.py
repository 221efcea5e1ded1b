"""The corruptors' benchmark: cases, soundness, what is left out, table. No times are asserted.

Fast: one mode of calling them. Slow: all of them.
"""

import pytest
import tensorflow as tf

from bench.corruption import cases, contestants, modes, report, soundness
from tests.bench.test_reporting import make_rows

CASE = "shuffle 1024x64"
GRAPHS = {graph.name: graph for graph in (*cases.GRAPHS, *cases.LARGE_GRAPHS)}
# Dense features (so many columns that no mask is drawn twice) and edges, and ragged features.
SMALL = GRAPHS["1024x64"]._replace(name="small", rows=256, edges=128)
RAGGED = GRAPHS["ragged-20000"]
OPERATIONS = {SMALL: ("shuffle", "shuffle 0.3", "dropout 0.3", "mask 0.3", "edges 0.3")}
OPERATIONS[RAGGED] = RAGGED.operations
QUICK = {SMALL: ("shuffle", "edges 0.3"), RAGGED: ()}
MODES = [
    pytest.param(mode, marks=() if mode == "function" else pytest.mark.slow) for mode in cases.MODES
]


@pytest.fixture(autouse=True)
def seeded():
    """A main job in this process has made operations deterministic, which then ask for a seed."""
    tf.random.set_seed(0)


def soundness_error(contestant, operation, graph=SMALL, mode="function"):
    return soundness.soundness_error(contestant, operation, graph, mode)


def test_names_are_unique():
    names = [str(case) for case in (*cases.CASES, *cases.LARGE_CASES)]
    assert len(set(names)) == len(names)


def test_graphs_are_the_same_each_time():
    for graph in cases.GRAPHS:
        rows = [soundness.rows_of(modes.values("shuffle", graph.make(12))) for _ in "ab"]
        assert rows[0] == rows[1], graph.name


def test_select():
    chosen = cases.select("dropout, ragged2")
    assert {case.operation for case in chosen} == {"shuffle", "shuffle 0.3", "dropout 0.3"}
    assert all("dropout" in str(case) or "ragged2" in str(case) for case in chosen)
    for text in ("nothing such", "shuffle,", ""):
        with pytest.raises(ValueError, match="no case contains"):
            cases.select(text)


WORK = [
    pytest.param(
        *(graph, operation, mode),
        marks=() if mode == "function" and operation in QUICK[graph] else pytest.mark.slow,
        id=f"{operation}-{graph.name}-{mode}",
    )
    for graph, operations in OPERATIONS.items()
    for operation in operations
    for mode in cases.MODES
]


@pytest.mark.parametrize(("graph", "operation", "mode"), WORK)
def test_contestants_do_the_whole_work(graph, operation, mode):
    checked = [
        who.name
        for who in contestants.CONTESTANTS
        if who.can(operation) and not who.reason_to_skip(operation, graph, mode)
        if soundness_error(who, operation, graph, mode) is None
    ]
    ragged_shuffle = (graph, mode) == (RAGGED, "xla") and operation.startswith("shuffle")
    assert len(checked) == (0 if ragged_shuffle else 4)


def with_values(change):
    """A contestant that changes the features in some way."""

    def corrupt(graph):
        values = {"values": change(graph.node_sets["nodes"]["values"])}
        return graph.replace_features(node_sets={"nodes": values})

    return contestants.Contestant("wrong", lambda operation: corrupt)


def with_edges(change, size=None):
    """A contestant that changes every tensor of the edges by itself, and says there are `size`."""

    def corrupt(graph):
        sizes = graph.edge_sets["edges"].sizes if size is None else [size]
        return contestants._with_edges(graph, change, sizes)

    return contestants.Contestant("wrong", lambda operation: corrupt)


def keep(value, share=0.7):
    return tf.cast(tf.random.uniform(tf.shape(value)) < share, value.dtype)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("operation", "wrong", "error"),
    [
        ("shuffle", with_values(lambda v: v), "same draw twice"),
        ("shuffle", with_values(lambda v: v + tf.random.uniform(tf.shape(v))), "other rows"),
        ("shuffle 0.3", with_values(tf.random.shuffle), "of the rows changed"),
        ("dropout 0.3", with_values(lambda v: v * keep(v)), "not scaled"),
        ("dropout 0.3", with_values(lambda v: v * keep(v, 0.3) / 0.7), "a share of"),
        ("mask 0.3", with_values(lambda v: v * keep(v)), "than whole columns"),
        ("edges 0.3", with_edges(lambda v: v), "same draw twice"),
        # Ends and features do not go together.
        ("edges 0.3", with_edges(lambda v: tf.random.shuffle(v)[:90], 90), "other edges"),
        ("edges 0.3", with_edges(lambda v: v[:90], 128), "sizes"),
    ],
)
def test_a_wrong_contestant_is_found(operation, wrong, error, mode):
    assert error in soundness_error(wrong, operation, mode=mode)


@pytest.mark.parametrize(
    ("operation", "wrong", "error"),
    [
        ("shuffle", contestants._identity, "the same memory twice"),
        ("edges 0.3", contestants._identity, "the same memory twice"),
        ("shuffle", contestants._ours, "other values"),
        (
            "edges 0.3",
            lambda _: with_edges(lambda v: tf.raw_ops.DeepCopy(x=v)).corruptor(_),
            "5120 bytes where the operation writes 3584",
        ),
    ],
)
def test_a_copy_that_is_none_is_found(operation, wrong, error):
    """The limit is a plain copy of what the operation writes. It has to be a copy."""
    assert error in soundness_error(contestants.Contestant("copy", wrong), operation)


@pytest.mark.slow
def test_wrong_padding_is_found():
    graph = modes.as_measured("edges 0.3", SMALL.make(), "xla")
    sizes = graph.node_sets["nodes"].sizes
    draw = contestants.BY_NAME["ours"].setup("edges 0.3", graph, "xla")()
    assert soundness._padding_error(draw, sizes) is None
    for name, wrong, error in (
        ("edges weights", lambda value: value + 1, "features of dropped edges"),
        ("target", lambda value: value * 0, "dropped edges of real nodes"),
    ):
        assert error in soundness._padding_error(draw | {name: wrong(draw[name])}, sizes)


def test_one_of_several_features_may_be_masked_in_the_same_way_twice():
    same = {f"values_{i}": [[0.0, 2.0]] for i in range(4)}
    other = same | {"values_0": [[1.0, 0.0]], "values_1": [[1.0, 0.0]]}
    before = {name: [[1.0, 2.0]] for name in same}
    assert soundness._draws_error("mask 0.3", before, same, other) is None
    assert "same draw twice" in soundness._draws_error("mask 0.3", before, same, same)


@pytest.mark.parametrize(
    ("graph", "operation", "mode", "expected"),
    [
        ("1024x64", "shuffle", "eager", 16 * 64 * 4),
        ("strings-20000", "shuffle", "eager", 16 * 24),
        # 8 floats and two int32 for each of 64 edges
        ("edges-2000", "edges 0.3", "function", 0.7 * 64 * 10 * 4),
        # of which padding adds 8
        ("edges-2000", "edges 0.3", "xla", (64 + 8) * 10 * 4),
    ],
)
def test_bytes_written(graph, operation, mode, expected):
    made = modes.as_measured(operation, GRAPHS[graph].make(16), mode)
    assert modes.bytes_written(operation, made, mode) == round(expected)


def test_bytes_of_ragged_features():
    graph = RAGGED.make(12)
    count = sum(map(len, graph.node_sets["nodes"]["values"].to_list()))
    assert modes.bytes_written("shuffle", graph, "eager") == 4 * count


def test_only_xla_leaves_something_out():
    for case in (*cases.CASES, *cases.LARGE_CASES):
        ours = contestants.BY_NAME["ours"]
        reasons = [ours.reason_to_skip(case.operation, case.graph, mode) for mode in cases.MODES]
        ragged_shuffle = "ragged" in case.graph.name and "shuffle" in case.operation
        assert reasons[:3] == [None] * 3
        assert bool(reasons[3]) == (ragged_shuffle or "strings" in case.graph.name), str(case)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ours", "upstream"])
@pytest.mark.parametrize("graph", ["strings-20000", "ragged-20000", "ragged2-10000"])
def test_what_is_left_out_does_not_compile(graph, name):
    for operation in ("shuffle", "shuffle 0.3"):
        call = contestants.BY_NAME[name].setup(operation, GRAPHS[graph].make(16), "xla")
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=r"XLA|compile"):
            call()


def test_rows_have_the_reason_in_place_of_times():
    case = cases.Case("shuffle", RAGGED)
    rows = report.run_case(case, RAGGED.make(4), "xla", 1, 0.1)
    assert [row["contestant"] for row in rows] == ["identity", "copy", "ours", "upstream"]
    assert all("is not static" in row["skipped"] for row in rows)
    assert not any("median_ms" in row for row in rows)


def test_upstream_alone_is_left_out_where_it_takes_minutes():
    large = GRAPHS["1000000x64"]
    left_out = [
        (name, operation, mode)
        for name, contestant in contestants.BY_NAME.items()
        for operation in large.operations
        for mode in cases.MODES
        if contestant.can(operation) and contestant.reason_to_skip(operation, large, mode)
    ]
    assert left_out == [("upstream", "shuffle", "xla")]
    # It is checked where a smaller graph of the kind is measured, and nobody twice.
    both = [cases.Case("shuffle", graph) for graph in (GRAPHS["1024x64"], large)]
    checks = report.soundness_checks(both, "xla")
    assert sorted(who.name for who, *_ in checks) == ["copy", "identity", "ours", "upstream"]
    assert [graph.name for who, _, graph, _ in checks if who.name == "upstream"] == ["1024x64"]


@pytest.mark.parametrize("mode", MODES)
def test_a_case_is_measured(mode):
    case = cases.Case("edges 0.3", SMALL)
    rows = report.run_case(case, SMALL.make(), mode, 1, 0.01)
    assert [row["contestant"] for row in rows] == ["identity", "copy", "ours", "formula"]
    assert all(row["median_ms"] > 0 and row["bytes"] > 0 for row in rows)


def cells_of(rows):
    lines = report.render_table(rows).splitlines()
    header, _, row = ([c.strip() for c in line.split("|")[1:-1]] for line in lines)
    return dict(zip(header, row, strict=True))


def test_table_shows_ratios_and_gaps():
    """Of rows without bytes and copy, as in earlier row sets; and of rows with the limit."""
    cells = cells_of(make_rows(CASE, ours=1.0, upstream=2.0, identity=0.1))
    assert cells["case"] == CASE
    assert cells["upstream / ours"] == "2.00x"
    assert cells["empty ms"] == "0.10"
    assert cells["formula ms"] == cells["formula / ours"] == "-"
    assert cells["copy ms"] == cells["ours / copy"] == cells["ours GB/s"] == "-"
    cells = cells_of([r | {"bytes": 3_000_000} for r in make_rows(CASE, ours=2.0, copy=0.5)])
    assert cells["ours / copy"] == "4.00x"
    assert cells["ours GB/s"] == "1.50"


def test_table_says_what_is_left_out():
    rows = make_rows(CASE, ours=1.0, upstream="it takes minutes")
    rows += make_rows("shuffle a", ours="there is none", upstream="there is none")
    rows += make_rows("shuffle b", ours="there is none")
    *table, empty, first, second = report.render_table(rows).splitlines()
    assert len(table) == 3
    assert empty == ""
    assert first == f"- Not measured: upstream at {CASE}: it takes minutes."
    assert second == "- Not measured: shuffle a, shuffle b: there is none."
