"""The course of a report: arithmetic, exit codes, files and pages, on made-up rows. No times."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import machine, measure, neighbour, ratios, report, reporting, results
from bench.corruption import report as corruption_report
from bench.metrics import report as metrics_report

REPORTS = {
    "loss": (report, lambda rows: report.render_table(rows)),
    "corruption": (corruption_report, lambda rows: corruption_report.render_table(rows)),
    "metrics": (metrics_report, lambda rows: metrics_report.render(rows)[0]),
}


def make_rows(shape="128x128", **medians):
    """Rows of contestants; a text in place of a time is the reason why there is none."""
    rows = []
    for name, value in medians.items():
        row = {"kind": "row", "run": "r", "shape": shape, "contestant": name.replace("_", "-")}
        if isinstance(value, str):
            rows.append(row | {"skipped": value})
        else:
            rows.append(row | {"median_ms": value, "min_ms": value, "first_call_s": 0.5})
    return rows


def make_run(what="gradients"):
    return {
        "kind": "run",
        "run": "r",
        "date": "2026-01-02T03:04:05+00:00",
        "commit": "abc",
        "dirty": True,
        "machine": {"cpu": "a CPU", "cores": 2, "memory_gb": 25},
        "versions": {"python": "3.11", "torch": None},
        "config": {"command": "python -m bench.report", "what": what},
        "others_share": 0.01,
    }


BASELINE = make_rows(floor=1.0, numpy=1.2, tf_auto=1.5, upstream=4.0)


@pytest.mark.parametrize(
    ("medians", "compared", "worse"),
    [
        ({}, 4, []),
        # A machine half as fast is not worse.
        ({"floor": 2.0, "numpy": 2.4, "tf_auto": 3.0, "upstream": 8.0}, 4, []),
        ({"tf_auto": 1.5 * 1.24}, 4, []),
        (
            {"tf_auto": 2.0},
            4,
            [
                "128x128 tf-auto / floor: 1.500 -> 2.000 (+33 %)",
                "128x128 tf-auto / upstream: 0.375 -> 0.500 (+33 %)",
            ],
        ),
        ({"upstream": "too large"}, 2, []),
    ],
)
def test_compare(medians, compared, worse):
    before = {"floor": 1.0, "numpy": 1.2, "tf_auto": 1.5, "upstream": 4.0}
    rows = make_rows(**before | medians)
    assert ratios.compare(rows, BASELINE, report.CHECKED) == (compared, worse)
    assert ratios.compare(make_rows("9x9", **before), BASELINE, report.CHECKED) == (0, [])


class TestCourse:
    """Of the loss's report, with rows, errors and earlier row sets that are made up."""

    @pytest.fixture
    def run(self, tmp_path, monkeypatch):
        """``(arguments, rows, errors, committed) -> exit code``; the file is `run.file`."""
        file = tmp_path / "rows.jsonl"
        kept = dataclasses.replace(report.REPORT, file=file)

        def run(*arguments, rows=BASELINE, errors=(), committed=None):
            earlier = [(make_run(), BASELINE)] if committed is None else committed
            monkeypatch.setattr(results, "load_committed", lambda file: earlier)
            options = report._parser().parse_args(arguments)
            return kept.measure(
                "gradients",
                ["128x128"],
                options,
                arguments,
                errors=lambda: errors,
                run_case=lambda case, rounds, budget: list(rows),
                render=lambda rows: [report.render_table(rows)],
                more=lambda: {"numba_first_call_s": {"cold": 6.0, "cached": 0.3}},
            )

        run.file = file
        return run

    def test_check_passes(self, run):
        assert run("--check") == 0
        assert not run.file.exists()

    def test_check_fails_and_names_the_ratio(self, run, capsys):
        rows = make_rows(floor=1.0, numpy=1.2, tf_auto=9.0, upstream=4.0)
        assert run("--check", rows=rows) == 1
        assert "worse: 128x128 tf-auto / upstream: 0.375 -> 2.250" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "committed",
        [
            [],
            [(make_run("forward"), BASELINE)],
            [(make_run(), make_rows("9x9", floor=1.0))],
            [(make_run(), make_rows(floor=1.0))],
        ],
        ids=["none", "another measurement", "another shape", "no ratio shared"],
    )
    def test_check_without_a_baseline(self, run, committed):
        assert run("--check", committed=committed) == 2

    def test_appends_and_never_overwrites(self, run, capsys):
        assert run("--rounds", "3") == 0
        first = run.file.read_text()
        assert run() == 0
        assert run.file.read_text().startswith(first)
        sets = results.load(run.file)
        assert [len(rows) for _, rows in sets] == [4, 4]
        head = sets[0][0]
        assert head["config"]["command"] == "python -m bench.report --rounds 3"
        assert (head["config"]["rounds"], head["config"]["budget_s"]) == (3, 20.0)
        assert head["numba_first_call_s"] == {"cold": 6.0, "cached": 0.3}
        assert "6.0 s without" in capsys.readouterr().out

    @pytest.mark.parametrize("options", [["--quick"], ["--neighbour", "yes"]], ids=" ".join)
    def test_quick_or_beside_a_neighbour_appends_nothing(self, run, options):
        assert run(*options) == 0
        assert not run.file.exists()

    def test_measures_nothing_when_a_contestant_is_wrong(self, run, capsys):
        wrong = "numpy at 64x24: loss 1, expected 2"
        assert run(errors=[None, wrong]) == 1
        printed = capsys.readouterr()
        assert (printed.err, printed.out) == (f"{wrong}\n", "")
        assert not run.file.exists()


@pytest.mark.parametrize("name", REPORTS)
def test_recorded_row_sets_have_a_table_and_the_page_a_section(name):
    module, render = REPORTS[name]
    sets = results.load(module.REPORT.file)
    assert sets
    for _, rows in sets:
        assert render(rows).count("\n") >= 2
    page = (machine.ROOT / module.REPORT.page).read_text()
    assert page.count(f"<!-- {module.REPORT.section} -->") == 1


def test_write_docs_fills_its_section_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n")
    kept = dataclasses.replace(report.REPORT, file=tmp_path / "rows.jsonl", page=str(page))
    tables = [("### Title", "gradients", ["128x128"])]

    def write():
        return kept.write_docs(tables, lambda rows: ["the table", ""])

    assert write() == 2  # there are no rows
    results.append(make_run(), BASELINE, kept.file)
    assert write() == write() == 0
    written = page.read_text()
    assert written.startswith(
        "before\n<!-- results -->\n\n### Title\n\npython -m bench.report; 2026"
    )
    assert written.endswith("the table\n\n<!-- /results -->\nafter\n")
    assert "old" not in written


def test_rounds_alternate():
    order = []
    setups = {name: lambda name=name: lambda: order.append(name) for name in "ab"}
    timings = measure.measure(setups, rounds=2, budget=60)
    assert [len(timing.samples) for timing in timings.values()] == [2, 2]
    runs = "".join(name for i, name in enumerate(order) if i == 0 or order[i - 1] != name)
    assert runs == "ababab"  # first calls, then two rounds


def test_a_round_begins_only_within_the_budget():
    timings = measure.measure({"a": lambda: lambda: None}, rounds=50, budget=0, least_rounds=1)
    assert len(timings["a"].samples) == 1


def test_a_run_names_neither_host_nor_path():
    text = json.dumps(reporting.start_run("python -m bench.report", []))
    assert machine.platform.node() not in text
    assert str(machine.ROOT) not in text


@pytest.mark.parametrize("kind", ["yes", "blas"])
def test_a_neighbour_works_until_the_measurement_is_over(kind):
    others = machine.OthersShare()
    with neighbour.neighbour(kind):
        deadline, share = time.monotonic() + 30, 0.0
        while share < 0.2 and time.monotonic() < deadline:
            time.sleep(0.1)
            share = others()  # asked once: ticks are coarse, and the next answer may be lower
        assert share >= 0.2
    with neighbour.neighbour(neighbour.NONE):
        pass


ASKER = """
from bench import neighbour
neighbour.KINDS["yes"] = "import time; print(os.getpid(), flush=True); time.sleep(60)"
with neighbour.neighbour("yes"):
    input()
"""


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="asks Linux whether a process lives")
def test_a_neighbour_ends_with_a_measurement_that_is_killed():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": machine.ROOT}
    with subprocess.Popen([sys.executable, "-c", ASKER], text=True, **pipes) as asker:
        other = Path("/proc", asker.stdout.readline().strip())
        assert other.exists()
        asker.kill()
        deadline = time.monotonic() + 30
        while other.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not other.exists()


def test_a_neighbour_that_ends_early_was_none(monkeypatch):
    monkeypatch.setitem(neighbour.KINDS, "yes", "raise SystemExit(3)")
    with pytest.raises(RuntimeError, match="'yes' ended with 3"), neighbour.neighbour("yes"):
        time.sleep(1)
