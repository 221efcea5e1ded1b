"""bench/metrics/report.py: its table and its check of parity. No times are asserted."""

import pytest

from bench.metrics import report
from tests.bench.test_reporting import make_rows


def test_table():
    rows = [row for case in report.CASES for row in make_rows(str(case), ours=2.0, upstream=7.0)]
    (text,) = report.render(rows)
    lines = text.splitlines()
    assert len(lines) == 2 + len(report.CASES)
    cells = [cell.strip() for cell in lines[2].split("|")[1:-1]]
    assert cells[:4] == ["128x128", "2.00", "7.00", "-"]
    assert cells[-1] == "3.50x"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ours", "upstream", "ours-plain"])
def test_contestants_compute_the_metrics(name):
    assert report.parity_error(name) is None


def test_a_wrong_contestant_is_found(monkeypatch):
    def wrong(*views):
        exact = {"numerical_rank": 1.0, "rankme": 1.0, "coherence": 1.0}
        return lambda: exact

    monkeypatch.setitem(report.CONTESTANTS, "ours", wrong)
    assert "numerical_rank 1.0, expected" in report.parity_error("ours")
