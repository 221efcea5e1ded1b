"""The report's arithmetic, exit codes and table, on made-up rows. No times are asserted."""

import json

import pytest

from bench import machine, measure, ratios, report, results
from bench.loss import contestants, parity
from bench.loss.cases import CASES, Case, make_views


def make_rows(shape="128x128", **medians):
    rows = []
    for name, value in medians.items():
        row = {"kind": "row", "run": "r", "shape": shape, "contestant": name.replace("_", "-")}
        if isinstance(value, str):
            rows.append(row | {"skipped": value})
        else:
            rows.append(row | {"median_ms": value, "min_ms": value, "first_call_s": 0.5})
    return rows


def make_run(what="gradients", run="r"):
    return {
        "kind": "run",
        "run": run,
        "date": "2026-01-02T03:04:05+00:00",
        "commit": "abc",
        "dirty": True,
        "machine": {"cpu": "a CPU", "cores": 2, "memory_gb": 25},
        "versions": {"python": "3.11", "torch": None},
        "config": {"command": "python -m bench.report", "what": what},
        "others_share": 0.01,
    }


BASELINE = make_rows(floor=1.0, numpy=1.2, tf_auto=1.5, upstream=4.0)


class TestCompare:
    def test_equal_rows_are_not_worse(self):
        assert ratios.compare(BASELINE, BASELINE) == (4, [])

    def test_a_machine_half_as_fast_is_not_worse(self):
        rows = make_rows(floor=2.0, numpy=2.4, tf_auto=3.0, upstream=8.0)
        assert ratios.compare(rows, BASELINE) == (4, [])

    def test_names_the_ratios_that_got_worse(self):
        rows = make_rows(floor=1.0, numpy=1.2, tf_auto=2.0, upstream=4.0)
        compared, worse = ratios.compare(rows, BASELINE)
        assert compared == 4
        assert worse == [
            "128x128 tf-auto / floor: 1.500 -> 2.000 (+33 %)",
            "128x128 tf-auto / upstream: 0.375 -> 0.500 (+33 %)",
        ]

    def test_worse_by_less_than_the_limit_passes(self):
        rows = make_rows(floor=1.0, numpy=1.2, tf_auto=1.5 * 1.24, upstream=4.0)
        assert ratios.compare(rows, BASELINE) == (4, [])

    def test_ratios_that_one_side_lacks_are_left_out(self):
        rows = make_rows(floor=1.0, numpy=1.2, tf_auto=1.5, upstream="too large")
        assert ratios.compare(rows, BASELINE) == (2, [])
        assert ratios.compare(make_rows("9x9", floor=1.0, numpy=9.0), BASELINE) == (0, [])


@pytest.fixture
def made_up(monkeypatch, tmp_path):
    """A report that measures nothing: `made_up["rows"]` are its rows, the file is temporary."""
    made_up = {"rows": BASELINE, "committed": [(make_run(), BASELINE)]}
    rows = lambda case, *_: [dict(row) for row in made_up["rows"]]  # noqa: E731
    monkeypatch.setattr(report, "run_case", rows)
    monkeypatch.setattr(report, "use_all_cores", lambda: 2)
    monkeypatch.setattr(report, "parity_error", lambda contestant: made_up.get("error"))
    monkeypatch.setattr(report.memory, "numba_first_calls", lambda: {"cold": 6.0, "cached": 0.3})
    monkeypatch.setattr(results, "load_committed", lambda: made_up["committed"])
    monkeypatch.setattr(results, "ROOT", tmp_path)
    made_up["file"] = tmp_path / results.FILE
    return made_up


class TestReport:
    ARGUMENTS = ("--shapes", "128x128")

    def test_check_passes(self, made_up):
        assert report.main([*self.ARGUMENTS, "--check"]) == 0
        assert not made_up["file"].exists()

    def test_check_fails_and_names_the_ratio(self, made_up, capsys):
        made_up["rows"] = make_rows(floor=1.0, numpy=1.2, tf_auto=9.0, upstream=4.0)
        assert report.main([*self.ARGUMENTS, "--check"]) == 1
        assert "worse: 128x128 tf-auto / upstream" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "committed",
        [[], [(make_run("forward"), BASELINE)], [(make_run(), make_rows("9x9", floor=1.0))]],
        ids=["none", "another measurement", "another shape"],
    )
    def test_check_without_a_baseline(self, made_up, committed):
        made_up["committed"] = committed
        assert report.main([*self.ARGUMENTS, "--check"]) == 2

    def test_check_where_no_ratio_is_shared(self, made_up):
        made_up["rows"] = make_rows(floor=1.0)
        assert report.main([*self.ARGUMENTS, "--check"]) == 2

    def test_appends_and_never_overwrites(self, made_up):
        assert report.main(list(self.ARGUMENTS)) == 0
        first = made_up["file"].read_text()
        assert report.main([*self.ARGUMENTS, "--forward"]) == 0
        assert made_up["file"].read_text().startswith(first)
        lines = [json.loads(line) for line in made_up["file"].read_text().splitlines()]
        assert [line["kind"] for line in lines] == ["run", *["row"] * 4] * 2
        assert lines[0]["config"]["what"] == "gradients"
        assert lines[0]["numba_first_call_s"] == {"cold": 6.0, "cached": 0.3}

    def test_quick_appends_nothing(self, made_up):
        assert report.main([*self.ARGUMENTS, "--quick"]) == 0
        assert not made_up["file"].exists()

    def test_measures_nothing_when_parity_is_red(self, made_up, capsys):
        made_up["error"] = "numpy at 64x24: loss 1, expected 2"
        assert report.main(list(self.ARGUMENTS)) == 1
        assert "expected 2" in capsys.readouterr().err
        assert not made_up["file"].exists()

    @pytest.mark.parametrize("shape", ["128", "0x5", "axb"])
    def test_unknown_shapes_are_refused(self, made_up, shape, capsys):
        with pytest.raises(SystemExit) as raised:
            report.main(["--shapes", shape])
        assert raised.value.code == 2
        assert repr(shape) in capsys.readouterr().err

    def test_every_option_has_a_help_text(self):
        assert all(action.help for action in report._parser()._actions)

    def test_write_docs_fills_the_section_alone(self, made_up, monkeypatch, tmp_path):
        page = tmp_path / "page.md"
        page.write_text("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n")
        monkeypatch.setattr(report, "PAGE", page)
        rows = [row for case in CASES for row in make_rows(str(case), floor=1.0, numpy=1.2)]
        monkeypatch.setattr(results, "load", lambda: [(make_run(), rows)])
        assert report.main(["--write-docs"]) == 0
        written = page.read_text()
        assert written.startswith("before\n<!-- results -->\n\n### Loss and both gradients")
        assert written.endswith("<!-- /results -->\nafter\n")
        assert "old" not in written
        assert report.main(["--write-docs"]) == 0
        assert page.read_text() == written

    def test_the_page_has_the_section(self):
        assert report.PAGE.read_text().count("<!-- results -->") == 1


class TestTable:
    def test_ratios_and_gaps(self):
        rows = make_rows(floor=1.0, numpy=1.2, tf_auto=1.5, upstream=4.0, torch="needs 17.2 GB")
        table = ratios.render_table(rows)
        header, _, row = (
            [cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[:3]
        )
        cells = dict(zip(header, row, strict=True))
        assert cells["upstream / TF"] == "2.67x"
        assert cells["NumPy / floor"] == "1.20x"
        assert cells["TF - NumPy ms"] == "+0.30"
        assert cells["torch / TF"] == cells["torch ms"] == "-"
        assert table.splitlines()[-1] == "- 128x128, not measured: torch (needs 17.2 GB)."

    def test_other_contestants_have_their_own_table(self):
        assert ratios.render_others(BASELINE) == ""
        rows = [*BASELINE, *make_rows(tf_xla_gram=3.0)]
        assert "3.00 (3.00x)" in ratios.render_others(rows)
        assert ratios.render_table(rows) == ratios.render_table(BASELINE)


class TestParts:
    def test_rounds_alternate(self):
        order = []
        setups = {name: lambda name=name: lambda: order.append(name) for name in "ab"}
        timings = measure.measure(setups, rounds=2, budget=60)
        rounds = [len(timing.samples) for timing in timings.values()]
        assert rounds == [2, 2]
        runs = "".join(name for i, name in enumerate(order) if i == 0 or order[i - 1] != name)
        assert runs == "ababab"  # first calls, then two rounds

    def test_a_round_begins_only_within_the_budget(self):
        timings = measure.measure({"a": lambda: lambda: None}, rounds=50, budget=0, least_rounds=1)
        assert len(timings["a"].samples) == 1

    def test_views_are_the_same_each_time_and_correlated(self):
        (a, b), (again, _) = make_views(Case(2000, 3)), make_views(Case(2000, 3))
        assert (a == again).all()
        assert (a * b).mean() == pytest.approx(0.8, abs=0.1)

    def test_who_cannot_run_says_why(self):
        reason = contestants.BY_NAME["upstream"].reason_to_skip(Case(512, 65536))
        assert reason == "each 65536 x 65536 float32 matrix takes 17.2 GB"
        assert contestants.BY_NAME["numpy"].reason_to_skip(Case(512, 65536)) is None
        missing = contestants.Contestant("x", None, needs="no_such_module")
        assert "no_such_module" in missing.reason_to_skip(Case(2, 2))

    @pytest.mark.parametrize("name", ["numpy", "tf-auto", "upstream"])
    def test_contestants_compute_the_loss(self, name):
        assert parity.parity_error(contestants.BY_NAME[name]) is None

    def test_a_wrong_contestant_is_found(self):
        def setup(z_a, z_b, what):
            call = contestants.BY_NAME["numpy"].setup(z_a, z_b, what)
            return lambda: tuple(-result for result in call())

        assert "loss" in parity.parity_error(contestants.Contestant("negative", setup))

    def test_a_run_names_neither_host_nor_path(self):
        text = json.dumps(machine.describe_run({}))
        assert machine.platform.node() not in text
        assert str(machine.ROOT) not in text
