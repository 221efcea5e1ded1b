"""bench/metrics/report.py: its table, its page, its check of parity. No times are asserted."""

import json

import pytest

from bench.metrics import report as report_metrics

RUN = {
    "kind": "run",
    "run": "r",
    "date": "2026-01-02T03:04:05+00:00",
    "commit": "abc",
    "dirty": False,
    "machine": {"cpu": "a CPU", "cores": 2, "memory_gb": 25},
    "versions": {"python": "3.11"},
    "config": {"command": "python -m bench.metrics.report", "what": "metrics"},
    "others_share": 0.01,
}


def make_rows(ours, upstream):
    return [
        {"kind": "row", "run": "r", "shape": str(case), "contestant": name, "median_ms": value}
        for case in report_metrics.CASES
        for name, value in (("ours", ours), ("upstream", upstream))
    ]


def test_table():
    lines = report_metrics.render_table(make_rows(2.0, 7.0)).splitlines()
    assert len(lines) == 2 + len(report_metrics.CASES)
    cells = [cell.strip() for cell in lines[2].split("|")[1:-1]]
    assert cells[:3] == ["128x128", "2.00", "7.00"]
    assert cells[-1] == "3.50x"


def test_write_docs_fills_the_section_alone(tmp_path):
    page, file = tmp_path / "page.md", tmp_path / "rows.jsonl"
    page.write_text("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n")
    assert report_metrics.write_docs(page, file) == 2
    file.write_text("".join(json.dumps(x) + "\n" for x in (RUN, *make_rows(2.0, 7.0))))
    assert report_metrics.write_docs(page, file) == 0
    written = page.read_text()
    assert written.startswith("before\n<!-- results -->\n\npython -m bench.metrics.report; 2026")
    assert written.endswith("<!-- /results -->\nafter\n")
    assert "old" not in written
    assert report_metrics.PAGE.read_text().count("<!-- results -->") == 1


@pytest.mark.parametrize("name", ["ours", "upstream", "ours-plain"])
def test_contestants_compute_the_metrics(name):
    assert report_metrics.parity_error(name) is None


def test_a_wrong_contestant_is_found(monkeypatch):
    right = report_metrics.CONTESTANTS["ours"]

    def wrong(*views):
        return lambda: {name: 1.01 * value for name, value in right(*views)().items()}

    monkeypatch.setitem(report_metrics.CONTESTANTS, "ours", wrong)
    assert "numerical_rank" in report_metrics.parity_error("ours")
