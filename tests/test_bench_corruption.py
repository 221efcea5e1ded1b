"""The corruptors' report: cases, soundness, exit codes and table, on made-up rows. No times."""

import json

import pytest

from bench import corruption_cases as cases
from bench import corruption_contestants as contestants
from bench import report_corruption as report
from bench import reporting, results

CASE = "shuffle 1024x64"
SMALL = cases.Graph("small", cases._floats(16), 64, ("shuffle",), 128)


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
        "config": {"command": "python -m bench.report_corruption", "what": what},
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
                contestants._rows(contestants._values(graph.make(12)), "shuffle") for _ in range(2)
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
    @pytest.mark.parametrize("operation", contestants._CHECKS)
    @pytest.mark.parametrize("name", ["ours", "upstream", "formula"])
    def test_contestants_do_the_whole_work(self, name, operation, mode):
        contestant = contestants.BY_NAME[name]
        if contestant.can(operation):
            assert contestants.soundness_error(contestant, operation, SMALL, mode) is None

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
        found = contestants.soundness_error(contestant, operation, SMALL, "function")
        assert error in found

    def test_a_draw_that_is_repeated_in_every_call_is_found(self):
        """Upstream's ragged shuffle, where the number of rows is static."""
        ragged = next(graph for graph in cases.GRAPHS if graph.name == "ragged-20000").make(32)
        layer = contestants.BY_NAME["upstream"].corruptor("shuffle")
        rows = [contestants._rows(contestants._values(layer(ragged)), "shuffle") for _ in "ab"]
        assert rows[0] == rows[1]


def noise(value):
    import tensorflow as tf

    return tf.random.uniform(value.shape)


def keep(value, share=0.7):
    import tensorflow as tf

    return tf.cast(tf.random.uniform(value.shape) < share, value.dtype)


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


def test_table_shows_ratios_and_gaps():
    table = report.render_table(BASELINE)
    header, _, row = ([c.strip() for c in line.split("|")[1:-1]] for line in table.splitlines())
    cells = dict(zip(header, row, strict=True))
    assert cells["case"] == CASE
    assert cells["upstream / ours"] == "2.00x"
    assert cells["empty ms"] == "0.10"
    assert cells["formula ms"] == cells["formula / ours"] == "-"
