"""The corruptors' report: cases, soundness, exit codes and table, on made-up rows. No times."""

import json

import pytest

from bench import reporting, results
from bench.corruption import cases, contestants, modes, report, soundness

CASE = "shuffle 1024x64"
SMALL = cases.Graph("small", cases._floats(32), 256, ("shuffle",), 128)
RAGGED = next(graph for graph in cases.GRAPHS if graph.name == "ragged-20000")


def make_rows(case=CASE, **medians):
    return [
        {
            "kind": "row",
            "run": "r",
            "shape": case,
            "contestant": name,
            "median_ms": value,
            "min_ms": value,
            "first_call_s": 0.5,
        }
        for name, value in medians.items()
    ]


def make_run(what="function"):
    return {
        "kind": "run",
        "run": "r",
        "date": "2026-01-02T03:04:05+00:00",
        "commit": "abc",
        "dirty": False,
        "machine": {"cpu": "a CPU", "cores": 2, "memory_gb": 25},
        "versions": {"python": "3.11"},
        "config": {"command": "python -m bench.corruption.report", "what": what},
        "others_share": 0.01,
    }


BASELINE = make_rows(ours=1.0, upstream=2.0, identity=0.1)


class TestCases:
    def test_names_are_unique(self):
        names = [str(case) for case in (*cases.CASES, *cases.LARGE_CASES)]
        assert len(set(names)) == len(names)

    def test_graphs_are_the_same_each_time(self):
        for graph in cases.GRAPHS:
            first, second = (
                soundness.rows_of(modes.values("shuffle", graph.make(12))) for _ in range(2)
            )
            assert first == second, graph.name

    def test_select(self):
        chosen = cases.select("dropout, ragged2")
        assert {case.operation for case in chosen} == {"shuffle", "shuffle 0.3", "dropout 0.3"}
        assert all("dropout" in str(case) or "ragged2" in str(case) for case in chosen)

    @pytest.mark.parametrize("text", ["nothing such", "shuffle,", ""])
    def test_select_refuses_what_no_case_contains(self, text):
        with pytest.raises(ValueError, match="no case contains"):
            cases.select(text)


class TestSoundness:
    @pytest.mark.parametrize("mode", cases.MODES)
    @pytest.mark.parametrize("operation", soundness._CHECKS)
    @pytest.mark.parametrize("name", ["copy", "ours", "upstream", "formula"])
    def test_contestants_do_the_whole_work(self, name, operation, mode):
        contestant = contestants.BY_NAME[name]
        if contestant.can(operation):
            assert soundness.soundness_error(contestant, operation, SMALL, mode) is None

    @pytest.mark.parametrize("mode", cases.MODES)
    @pytest.mark.parametrize("operation", cases._FLOAT)
    @pytest.mark.parametrize("name", ["copy", "ours", "upstream"])
    def test_ragged_features(self, name, operation, mode):
        contestant = contestants.BY_NAME[name]
        reason = contestant.reason_to_skip(operation, RAGGED, mode)
        if reason:
            pytest.skip(reason)
        assert soundness.soundness_error(contestant, operation, RAGGED, mode) is None

    @pytest.mark.parametrize(
        ("operation", "wrong", "error"),
        [
            ("shuffle", lambda value: value, "same draw twice"),
            ("shuffle", lambda value: value + noise(value), "other rows"),
            ("shuffle 0.3", lambda value: shuffled(value), "of the rows changed"),
            ("dropout 0.3", lambda value: value * keep(value), "not scaled"),
            ("dropout 0.3", lambda value: value * keep(value, 0.3) / 0.7, "a share of"),
            ("mask 0.3", lambda value: value * keep(value), "than whole columns"),
        ],
    )
    def test_a_wrong_contestant_is_found(self, operation, wrong, error):
        def corrupt(graph):
            values = {"values": wrong(graph.node_sets["nodes"]["values"])}
            return graph.replace_features(node_sets={"nodes": values})

        contestant = contestants.Contestant("wrong", lambda _: corrupt)
        for mode in cases.MODES:
            assert error in soundness.soundness_error(contestant, operation, SMALL, mode)

    @pytest.mark.parametrize(
        ("wrong", "sizes", "error"),
        [
            (lambda value: value, None, "same draw twice"),
            # Each by itself: ends and features do not go together.
            (lambda value: shuffled(value)[:90], 90, "other edges"),
            (lambda value: value[:90], 128, "sizes"),
        ],
    )
    @pytest.mark.parametrize("mode", cases.MODES)
    def test_wrongly_dropped_edges_are_found(self, wrong, sizes, error, mode):
        def corrupt(graph):
            unchanged = graph.edge_sets["edges"].sizes
            return contestants._with_edges(graph, wrong, [sizes] if sizes else unchanged)

        contestant = contestants.Contestant("wrong", lambda _: corrupt)
        assert error in soundness.soundness_error(contestant, "edges 0.3", SMALL, mode)

    @pytest.mark.parametrize(
        ("name", "wrong", "error"),
        [
            ("edges weights", lambda value: value + 1, "features of dropped edges"),
            ("target", lambda value: value * 0, "dropped edges of real nodes"),
        ],
    )
    def test_wrong_padding_is_found(self, name, wrong, error):
        graph = modes.as_measured("edges 0.3", SMALL.make(), "xla")
        sizes = graph.node_sets["nodes"].sizes
        draw = contestants.BY_NAME["ours"].setup("edges 0.3", graph, "xla")()
        assert soundness._padding_error(draw, sizes) is None
        assert error in soundness._padding_error(draw | {name: wrong(draw[name])}, sizes)

    def test_one_of_several_features_may_be_masked_in_the_same_way_twice(self):
        same = {f"values_{i}": [[0.0, 2.0]] for i in range(4)}
        other = same | {"values_0": [[1.0, 0.0]], "values_1": [[1.0, 0.0]]}
        before = {name: [[1.0, 2.0]] for name in same}
        assert soundness._draws_error("mask 0.3", before, same, other) is None
        assert "same draw twice" in soundness._draws_error("mask 0.3", before, same, same)

    def test_a_draw_that_is_repeated_in_every_call_is_found(self):
        """Upstream's ragged shuffle, where the number of rows is static."""
        ragged = next(graph for graph in cases.GRAPHS if graph.name == "ragged-20000").make(32)
        layer = contestants.BY_NAME["upstream"].corruptor("shuffle")
        rows = [soundness.rows_of(modes.values("shuffle", layer(ragged))) for _ in "ab"]
        assert rows[0] == rows[1]


class TestCopy:
    """The limit: a plain copy of what the operation writes. It has to be a copy."""

    @pytest.mark.parametrize("mode", ["eager", "function", "data"])
    @pytest.mark.parametrize("operation", ["shuffle", "edges 0.3"])
    def test_memory_that_is_handed_on_is_found(self, operation, mode):
        """Under XLA there is none: every result has memory of its own."""
        handed_on = contestants.Contestant("copy", contestants._identity)
        error = soundness.soundness_error(handed_on, operation, SMALL, mode)
        assert "the same memory twice" in error

    def test_other_values_are_found(self):
        wrong = contestants.Contestant("copy", contestants._ours)
        error = soundness.soundness_error(wrong, "shuffle", SMALL, "function")
        assert "other values" in error

    def test_another_number_of_edges_is_found(self):
        import tensorflow as tf

        def copy_all(graph):
            sizes = graph.edge_sets["edges"].sizes
            return contestants._with_edges(graph, lambda v: tf.raw_ops.DeepCopy(x=v), sizes)

        wrong = contestants.Contestant("copy", lambda _: copy_all)
        error = soundness.soundness_error(wrong, "edges 0.3", SMALL, "function")
        assert error.endswith("5120 bytes where the operation writes 3584")

    @pytest.mark.parametrize(
        ("operation", "mode", "expected"),
        [
            ("shuffle", "eager", 256 * 32 * 4),
            # 8 floats and two int32 for each of 128 edges
            ("edges 0.3", "function", 0.7 * 128 * 10 * 4),
            # of which padding adds 8
            ("edges 0.3", "xla", (128 + 8) * 10 * 4),
        ],
    )
    def test_bytes_written(self, operation, mode, expected):
        graph = modes.as_measured(operation, SMALL.make(), mode)
        assert modes.bytes_written(operation, graph, mode) == expected

    def test_bytes_of_ragged_features_and_strings(self):
        graph = RAGGED.make(12)
        count = sum(map(len, graph.node_sets["nodes"]["values"].to_list()))
        assert modes.bytes_written("shuffle", graph, "eager") == 4 * count
        strings = named("strings-20000").make(12)
        assert modes.bytes_written("shuffle", strings, "eager") == 24 * 12


class TestLeftOut:
    def test_only_under_xla(self):
        for case in (*cases.CASES, *cases.LARGE_CASES):
            ours = contestants.BY_NAME["ours"]
            reasons = [
                ours.reason_to_skip(case.operation, case.graph, mode) for mode in cases.MODES
            ]
            ragged_shuffle = "ragged" in case.graph.name and "shuffle" in case.operation
            assert reasons[:3] == [None] * 3
            assert bool(reasons[3]) == (ragged_shuffle or "strings" in case.graph.name), str(case)

    @pytest.mark.parametrize("name", ["ours", "upstream"])
    @pytest.mark.parametrize("operation", cases._SHUFFLES)
    @pytest.mark.parametrize(
        "graph", ["strings-20000", "ragged-20000", "ragged-strings-20000", "ragged2-10000"]
    )
    def test_what_is_left_out_does_not_compile(self, graph, operation, name):
        import tensorflow as tf

        does_not_compile = (ValueError, tf.errors.InvalidArgumentError)
        call = contestants.BY_NAME[name].setup(operation, named(graph).make(16), "xla")
        with pytest.raises(does_not_compile, match=r"XLA|compile"):
            call()

    def test_edges_need_padding(self):
        """Why the graph is padded: ours says so."""
        with pytest.raises(ValueError, match="has to move into padding"):
            contestants.BY_NAME["ours"].setup("edges 0.3", SMALL.make(), "xla")()

    def test_rows_have_the_reason_in_place_of_times(self):
        case = cases.Case("shuffle", RAGGED)
        rows = report.run_case(case, RAGGED.make(4), "xla", 1, 0.1)
        assert [row["contestant"] for row in rows] == ["identity", "copy", "ours", "upstream"]
        assert all("is not static" in row["skipped"] for row in rows)
        assert not any("median_ms" in row for row in rows)

    def test_upstream_alone_where_it_takes_minutes(self):
        large = named("1000000x64")
        left_out = [
            (name, operation, mode)
            for name, contestant in contestants.BY_NAME.items()
            for operation in large.operations
            for mode in cases.MODES
            if contestant.can(operation) and contestant.reason_to_skip(operation, large, mode)
        ]
        assert left_out == [("upstream", "shuffle", "xla")]
        rows = report.run_case(cases.Case("shuffle", large), large.make(64), "xla", 1, 0.01)
        assert ["skipped" in row for row in rows] == [False, False, False, True]
        assert report.render_table(rows).endswith("call takes minutes.")
        assert "- Not measured: upstream at shuffle 1000000x64: XLA" in report.render_table(rows)

    def test_upstream_is_checked_where_a_smaller_graph_of_the_kind_is_measured(self, monkeypatch):
        asked = []
        monkeypatch.setattr(report, "soundness_error", lambda *where: asked.append(where))
        graphs = [named("1024x64"), named("1000000x64")]
        report.soundness_errors([cases.Case("shuffle", graph) for graph in graphs], "xla")
        upstream = [(who.name, graph.name) for who, _, graph, _ in asked if who.name == "upstream"]
        assert upstream == [("upstream", "1024x64")]

    def test_soundness_is_not_asked_for(self, monkeypatch):
        asked = []
        monkeypatch.setattr(report, "soundness_error", lambda _, *where: asked.append(where[:2]))
        graphs = [RAGGED, named("strings-20000")]
        asked_for = [cases.Case(o, graph) for graph in graphs for o in graph.operations]
        assert report.soundness_errors(asked_for, "xla") == []
        assert set(asked) == {("dropout 0.3", graphs[0])}


def named(name):
    return next(g for g in (*cases.GRAPHS, *cases.LARGE_GRAPHS) if g.name == name)


def noise(value):
    import tensorflow as tf

    return tf.random.uniform(tf.shape(value))


def keep(value, share=0.7):
    import tensorflow as tf

    return tf.cast(tf.random.uniform(tf.shape(value)) < share, value.dtype)


def shuffled(value):
    import tensorflow as tf

    return tf.random.shuffle(value)


@pytest.fixture
def made_up(monkeypatch, tmp_path):
    """A report that measures nothing: `made_up["rows"]` are its rows, the file is temporary."""
    made_up = {"rows": BASELINE, "committed": [(make_run(), BASELINE)]}
    monkeypatch.setattr(report, "run_case", lambda case, *_: [dict(row) for row in made_up["rows"]])
    monkeypatch.setattr(report, "use_all_cores", lambda: 2)
    monkeypatch.setattr(report, "soundness_errors", lambda *_: made_up.get("errors", []))
    monkeypatch.setattr(reporting, "load_committed", lambda file: made_up["committed"])
    monkeypatch.setattr(report, "ROOT", tmp_path)
    made_up["file"] = tmp_path / report.FILE
    return made_up


class TestReport:
    ARGUMENTS = ("--cases", CASE, "--mode", "function")

    def test_check_passes(self, made_up):
        assert report.main([*self.ARGUMENTS, "--check"]) == 0
        assert not made_up["file"].exists()

    def test_check_fails_and_names_the_ratio(self, made_up, capsys):
        made_up["rows"] = make_rows(ours=1.5, upstream=2.0)
        assert report.main([*self.ARGUMENTS, "--check"]) == 1
        assert f"worse: {CASE} ours / upstream: 0.500 -> 0.750" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "committed",
        [[], [(make_run("data"), BASELINE)], [(make_run(), make_rows("another", ours=1.0))]],
        ids=["none", "another mode", "another case"],
    )
    def test_check_without_a_baseline(self, made_up, committed):
        made_up["committed"] = committed
        assert report.main([*self.ARGUMENTS, "--check"]) == 2

    def test_appends_a_row_set_per_mode(self, made_up):
        assert report.main(["--cases", CASE]) == 0
        first = made_up["file"].read_text()
        assert report.main(["--cases", CASE]) == 0
        assert made_up["file"].read_text().startswith(first)
        lines = [json.loads(line) for line in first.splitlines()]
        heads = [line["config"]["what"] for line in lines if line["kind"] == "run"]
        assert heads == list(cases.MODES)
        assert len(results.parse(first)) == len(cases.MODES)

    def test_quick_appends_nothing(self, made_up):
        assert report.main([*self.ARGUMENTS, "--quick"]) == 0
        assert not made_up["file"].exists()

    def test_measures_nothing_when_a_contestant_is_unsound(self, made_up, capsys):
        made_up["errors"] = ["ours, shuffle 1024x64, function: values, other rows than before"]
        assert report.main(list(self.ARGUMENTS)) == 1
        assert "other rows" in capsys.readouterr().err
        assert not made_up["file"].exists()

    def test_unknown_cases_are_refused(self, made_up, capsys):
        with pytest.raises(SystemExit) as raised:
            report.main(["--cases", "nothing such"])
        assert raised.value.code == 2
        assert "'nothing such'" in capsys.readouterr().err

    def test_every_option_has_a_help_text(self):
        assert all(action.help for action in report._parser()._actions)

    def test_write_docs_fills_its_section_alone(self, made_up, monkeypatch, tmp_path):
        page = tmp_path / "page.md"
        page.write_text("before\n<!-- corruption -->\nold\n<!-- /corruption -->\nafter\n")
        monkeypatch.setattr(reporting, "PAGE", page)
        rows = [row for case in cases.CASES for row in make_rows(str(case), ours=1.0, formula=2.0)]
        monkeypatch.setattr(reporting, "load", lambda file: [(make_run("data"), rows)])
        assert report.main(["--write-docs"]) == 0
        written = page.read_text()
        assert written.startswith("before\n<!-- corruption -->\n\n### Corruptors in a tf.data map")
        assert written.endswith("<!-- /corruption -->\nafter\n")
        assert "old" not in written
        assert report.main(["--write-docs"]) == 0
        assert page.read_text() == written

    def test_the_page_has_the_section(self):
        assert reporting.PAGE.read_text().count("<!-- corruption -->") == 1


def cells_of(table):
    header, _, row, *_ = ([c.strip() for c in line.split("|")[1:-1]] for line in table.splitlines())
    return dict(zip(header, row, strict=True))


def test_table_shows_ratios_and_gaps():
    """Of rows without bytes and copy, as in earlier row sets."""
    cells = cells_of(report.render_table(BASELINE))
    assert cells["case"] == CASE
    assert cells["upstream / ours"] == "2.00x"
    assert cells["empty ms"] == "0.10"
    assert cells["formula ms"] == cells["formula / ours"] == "-"
    assert cells["copy ms"] == cells["ours / copy"] == cells["ours GB/s"] == "-"


def test_table_shows_the_limit():
    rows = [row | {"bytes": 3_000_000} for row in make_rows(ours=2.0, copy=0.5)]
    cells = cells_of(report.render_table(rows))
    assert cells["copy ms"] == "0.50"
    assert cells["ours / copy"] == "4.00x"
    assert cells["ours GB/s"] == "1.50"


def test_table_says_what_is_left_out():
    skipped = [
        {"kind": "row", "shape": case, "contestant": name, "skipped": "there is none"}
        for case in ("shuffle a", "shuffle b")
        for name in ("ours", "upstream")
    ]
    *table, empty, note = report.render_table(BASELINE + skipped).splitlines()
    assert len(table) == 3
    assert empty == ""
    assert note == "- Not measured: shuffle a, shuffle b: there is none."


@pytest.mark.parametrize("mode", cases.MODES)
def test_a_case_is_measured_in_every_mode(mode):
    case = cases.Case("edges 0.3", SMALL)
    rows = report.run_case(case, SMALL.make(), mode, 1, 0.01)
    assert [row["contestant"] for row in rows] == ["identity", "copy", "ours", "formula"]
    assert all(row["median_ms"] > 0 and row["bytes"] > 0 for row in rows)


def test_recorded_row_sets_load():
    sets = reporting.load(report.FILE)
    assert sets
    for _, rows in sets:
        assert report.render_table(rows).count("\n") >= 2
