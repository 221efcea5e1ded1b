"""The loss's benchmark: its table on made-up rows, who is measured, and that it is right."""

import pytest

from bench.loss import contestants, parity, table
from bench.loss.cases import Case, make_views
from tests.bench.test_reporting import BASELINE, make_rows


def test_table_has_ratios_and_gaps():
    rows = make_rows(floor=1.0, numpy=1.2, tf_auto=1.5, upstream=4.0, torch="needs 17.2 GB")
    lines = table.render_table(rows).splitlines()
    header, row = ([cell.strip() for cell in lines[i].split("|")[1:-1]] for i in (0, 2))
    cells = dict(zip(header, row, strict=True))
    assert cells["upstream / TF"] == "2.67x"
    assert cells["NumPy / floor"] == "1.20x"
    assert cells["TF - NumPy ms"] == "+0.30"
    assert cells["torch / TF"] == cells["torch ms"] == "-"
    assert lines[3:] == ["", "- 128x128, not measured: torch (needs 17.2 GB)."]


def test_other_contestants_have_their_own_table():
    assert table.render_others(BASELINE) == ""
    rows = [*BASELINE, *make_rows(tf_xla_gram=3.0)]
    assert "3.00 (3.00x)" in table.render_others(rows)
    assert table.render_table(rows) == table.render_table(BASELINE)


def test_views_are_the_same_each_time_and_correlated():
    (a, b), (again, _) = make_views(Case(2000, 3)), make_views(Case(2000, 3))
    assert (a == again).all()
    assert (a * b).mean() == pytest.approx(0.8, abs=0.1)


def test_who_cannot_run_says_why():
    reason = contestants.BY_NAME["upstream"].reason_to_skip(Case(512, 65536))
    assert reason == "each 65536 x 65536 float32 matrix takes 17.2 GB"
    assert contestants.BY_NAME["numpy"].reason_to_skip(Case(512, 65536)) is None
    missing = contestants.Contestant("x", None, needs="no_such_module")
    assert "no_such_module" in missing.reason_to_skip(Case(2, 2))


SLOW = [
    pytest.param(name, marks=pytest.mark.slow)
    for name, who in contestants.BY_NAME.items()
    if who.has_loss and name != "numpy"
]


@pytest.mark.parametrize("name", ["numpy", *SLOW])
def test_contestants_compute_the_loss(name):
    if contestants.BY_NAME[name].reason_to_skip(Case(2, 2)):
        pytest.skip("PyTorch (extra: peers) is not installed; it is a rival, not a part")
    assert parity.parity_error(contestants.BY_NAME[name]) is None


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda loss, *gradients: (1.001 * loss, *gradients), "loss"),
        (lambda loss, *gradients: (loss, *(-one for one in gradients)), "gradient a off by"),
        (lambda loss, *gradients: (loss, *gradients[::-1]), "gradient a off by"),
        (lambda *found: found[:2], "2 results"),
        (lambda loss, *gradients: (loss * float("nan"), *gradients), "loss nan"),
    ],
)
def test_a_wrong_contestant_is_found(wrong, error):
    def setup(z_a, z_b, what):
        call = contestants.BY_NAME["numpy"].setup(z_a, z_b, what)
        return lambda: wrong(*call())

    assert error in parity.parity_error(contestants.Contestant("wrong", setup))
