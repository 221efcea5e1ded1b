"""The results page says what the runs said."""

from bench import accuracy as report_results
from bench.accuracy import CASES, render, render_case, row_of, spread

RUN = {
    "date": "d",
    "commit": "c",
    "dirty": False,
    "config": {"command": "the command"},
    "machine": {"cpu": "x", "cores": 2, "memory_gb": 24, "system": "Linux"},
    "versions": {"python": "3.11"},
    "others_share": 0.0,
}


def metrics(probe):
    def measures(value):
        return {"linear_probe": {"values": [value]}, "nmi": {"values": [0.4, 0.6]}}

    return {
        "evaluation": {"trained encoder": measures(probe), "raw features": measures(0.25)},
        "encoder": "linear",
        "training": "adam",
        "rankme": 100.0,
        "dimension": 256,
        "curves": {"loss": [50.0, 20.0, 10.0]},
        "seconds": {"training": 12.0, "total": 30.0},
        "process_seconds": 31.26,
    }


def rows(name, options):
    return [row_of(name, options, seed, metrics(p)) for seed, p in enumerate((0.8, 0.9))]


def test_spread_is_mean_and_deviation_in_percent():
    assert spread([0.8, 0.9]) == "85.00 ± 5.00"


def test_section_of_a_graph():
    name, options, _ = CASES[1]
    page = render_case(name, options, RUN, rows(name, options))
    assert f"graph-barlow-twins pretrain --output DIR --seed SEED {options}" in page
    cells = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("|")}
    assert [cell.strip() for cell in cells["trained encoder"].split("|")[2:4]] == [
        "85.00 ± 5.00",
        "50.00 ± 10.00",
    ]
    assert "25.00 ± 0.00" in cells["raw features"]
    assert "+60.00 ± 5.00" in cells["trained less raw features"]
    assert "Encoder linear, training adam; RankMe 100 of 256; loss 50.0 at first, 10.0" in page
    assert "median 31 s (31 to 31); training 12.0 s." in page


def test_page_has_the_cases_that_were_run():
    name, options, _ = CASES[0]
    other = CASES[2][0]
    old = RUN | {"config": {"command": "an old command"}}
    sets = [(old, rows(name, options) + rows(other, "")), (RUN, rows(name, options))]
    page = render(sets)
    assert page.index("the command") < page.index(f"## {other}") < page.index("an old command")
    assert f"## {name}\n" in page
    assert f"## {CASES[1][0]}\n" not in page


def test_the_command_saves_its_rows_and_the_page(tmp_path, monkeypatch, capsys):
    """Through `main`, with the runs themselves replaced: they take a quarter of an hour."""
    monkeypatch.setattr(report_results, "run_once", lambda options, seed: metrics(0.8))
    monkeypatch.setattr(report_results, "FILE", tmp_path / "rows.jsonl")
    monkeypatch.setattr(report_results, "PAGE", tmp_path / "results.md")
    assert report_results.main([]) == 0
    page = (tmp_path / "results.md").read_text()
    assert all(f"## {name}\n" in page for name, _, _ in CASES)
    assert "other processes took" in page
    saved = report_results.FILE.read_text().splitlines()
    assert len(saved) == 1 + sum(seeds for _, _, seeds in CASES)
    assert capsys.readouterr().out.count("linear probe 80.00") == len(saved) - 1
