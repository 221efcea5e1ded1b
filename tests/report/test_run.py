"""Real runs end in a report, whatever the graph; a report that fails does not cost the run."""

import json
import subprocess
import sys

import numpy as np
import pytest
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.report import page as report_page
from graph_barlow_twins.pretrain.report import run as report_run

from tests.report.pages import Page, make_content, make_data

FAST = ["--steps", "4", "--folds", "2", "--quiet"]
PHASES = ["loading", "training", "export", "evaluation", "report", "total"]


def run(output, dataset, *arguments, prelude=""):
    """The command in a process of its own: a run sets TensorFlow's global options."""
    script = (
        f"import sys\n{prelude}\n"
        "from graph_barlow_twins.pretrain.cli.main import main\nsys.exit(main())"
    )
    command = [sys.executable, "-c", script, "pretrain", "--output", output, *FAST, *arguments]
    done = subprocess.run(
        [*map(str, command), "--dataset", dataset], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done


def save(path, **changes):
    rng = np.random.default_rng(0)
    labels = np.arange(40) // 20
    nodes = np.arange(40)
    arrays = {
        "features": rng.normal(size=(40, 5)) + labels[:, None],
        "edge_index": np.stack([nodes, (nodes + 1) % 40]),
        "labels": np.array(["<i>one</i>", "two"])[labels],
    }
    np.savez(path, **{k: v for k, v in {**arrays, **changes}.items() if v is not None})
    return f"npz:{path}"


def test_run_with_labels(tmp_path):
    output = tmp_path / "out"
    done = run(output, save(tmp_path / "ring <b>.npz"), "--units", "16", "8")
    assert str(output / "report.html") in done.stdout
    metrics = json.loads((output / "metrics.json").read_text())
    assert sorted(metrics["seconds"]) == sorted(PHASES)
    assert list(metrics["seconds"])[-1] == "total"
    spent = metrics["seconds"].copy()
    total = spent.pop("total")
    assert 0 < sum(spent.values()) <= total
    text = (output / "report.html").read_text("utf-8")
    parsed = Page(text)
    words = parsed.visible()
    assert ("h1", "ring <b>.npz") in parsed.texts
    for name, one in metrics["evaluation"].items():
        assert name in words
        assert f"{100 * one['linear_probe']['mean']:.2f}" in words
    assert f"{total:.1f}" in words
    assert "C was not computed" not in words
    assert text.split('class="dots">')[1].split("</g>")[0].count("<circle") == 40
    assert not parsed.all("i")


@pytest.mark.parametrize(
    ("changes", "units"),
    [
        pytest.param(
            {"features": np.eye(2), "edge_index": np.array([[0], [1]])}, "1", id="2 nodes, D = 1"
        ),
        pytest.param({"features": np.arange(40.0)[:, None]}, "3", id="one feature"),
    ],
)
def test_run_on_a_degenerate_graph(tmp_path, changes, units):
    output = tmp_path / "out"
    done = run(output, save(tmp_path / "g.npz", labels=None, **changes), "--units", units)
    assert "no report" not in done.stderr
    Page((output / "report.html").read_text("utf-8"))


def test_a_report_that_fails_costs_nothing_else(tmp_path):
    output = tmp_path / "out"
    prelude = (
        "from graph_barlow_twins.pretrain import report_data\n"
        "def broken(*args): raise MemoryError('no room')\n"
        "report_data.principal_components = broken"
    )
    done = run(output, save(tmp_path / "g.npz"), "--units", "8", prelude=prelude)
    assert "warning: no report (MemoryError: no room)" in done.stderr
    assert not (output / "report.html").exists()
    assert "report.html" not in done.stdout
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["seconds"]["total"] > 0
    assert (output / "embeddings.npz").exists()
    assert (output / "model" / "saved_model.pb").exists()


def options(content, data, D):
    rng = np.random.default_rng(0)
    return {
        "metrics": content.metrics,
        "data": data,
        "configuration": PretrainConfig(output="out").to_dict(),
        "embeddings": rng.normal(size=(data.num_nodes, D)).astype(np.float32),
        "untrained": rng.normal(size=(data.num_nodes, D)).astype(np.float32),
    }


def test_a_page_that_fails_leaves_the_total(tmp_path, monkeypatch):
    data = make_data()
    content = make_content(data)

    def broken(content):
        raise ValueError("torn")

    monkeypatch.setattr(report_page, "page", broken)
    with pytest.warns(UserWarning, match=r"no report \(ValueError: torn\)"):
        assert not report_run.report_run(tmp_path / "r.html", **options(content, data, 8))
    assert content.metrics["seconds"]["total"] > 24.5
    assert not list(tmp_path.iterdir())


def test_a_hundred_thousand_nodes(tmp_path):
    data = make_data(100_000, classes=12)
    content = make_content(make_data())
    content.metrics.update(nodes=100_000, dimension=32)
    path = tmp_path / "report.html"
    assert report_run.report_run(path, **options(content, data, 32))
    assert path.stat().st_size < 3_000_000
    text = path.read_text("utf-8")
    assert "A sample of 3,000 of the 100,000 nodes" in text
    assert "C was not computed" in text  # nothing to compute it with was given
