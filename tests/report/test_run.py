"""Runs end in a report, whatever the graph; a report that fails does not cost the run."""

import errno
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from graph_barlow_twins.pretrain.report import report_pictures, write_report, write_run_report
from graph_barlow_twins.pretrain.report.page import page

from tests.fresh_process import run_python
from tests.report.pages import Page, make_content, make_data


def pictures_of(data, D, **options):
    rng = np.random.default_rng(0)
    embeddings, untrained = rng.normal(size=(2, data.num_nodes, D)).astype(np.float32)
    return report_pictures(data, embeddings, untrained, seed=0, **options)


@pytest.mark.parametrize(("N", "D"), [(2, 1), (2, 8), (40, 3)])
@pytest.mark.parametrize("labels", [True, False])
def test_degenerate_graphs_have_a_report(tmp_path, N, D, labels):
    data = make_data(N, 2, labels=labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures = pictures_of(data, D, correlations=lambda: (np.eye(D), np.zeros((D, D))))
        content = make_content(data, D=D)
        path = tmp_path / "report.html"
        assert write_run_report(path, content.metrics, pictures, data=data, configuration={})
    Page(path.read_text("utf-8"))


def test_pictures_that_fail_are_a_warning():
    def broken():
        raise MemoryError("no room")

    with pytest.warns(UserWarning, match=r"no report \(MemoryError: no room\)"):
        assert pictures_of(make_data(), 8, correlations=broken) is None


def test_written_whole_or_not_at_all(tmp_path):
    data, path = make_data(), tmp_path / "report.html"
    content = make_content(data)
    write_report(path, content)
    assert path.read_text(encoding="utf-8") == page(content)
    before = path.read_bytes()
    with pytest.warns(UserWarning, match=r"no report \(KeyError: 'curves'\)"):
        assert not write_run_report(path, {"dataset": "x"}, {}, data=data, configuration={})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_full_disk_is_no_warning(tmp_path, monkeypatch):
    """A run that went on would be complete, and its report lost for good."""

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    data = make_data()
    content = make_content(data)
    pictures = {key: getattr(content, key) for key in ("correlations", "projection", "spectra")}
    with pytest.raises(OSError, match="No space left"):
        write_run_report(tmp_path / "r", content.metrics, pictures, data=data, configuration={})


@pytest.mark.slow  # a map of 3,000 points
def test_a_hundred_thousand_nodes(tmp_path):
    data = make_data(100_000, classes=12)
    metrics = make_content(make_data()).metrics | {"nodes": 100_000, "dimension": 32}
    path = tmp_path / "report.html"
    assert write_run_report(path, metrics, pictures_of(data, 32), data=data, configuration={})
    assert path.stat().st_size < 3_000_000
    text = path.read_text("utf-8")
    assert "A sample of 3,000 of the 100,000 nodes" in text
    assert "C was not computed" in text  # nothing to compute it with was given
    assert "Of a sample of" not in text  # 100,000 rows of 32 are quickly decomposed


def test_needs_no_tensorflow():
    """So a report can be written again from plain arrays, within a second."""
    loaded = run_python(
        "import sys; import graph_barlow_twins.pretrain.report;"
        " print(*(n for n in ('tensorflow', 'tf_keras', 'matplotlib') if n in sys.modules))"
    )
    assert loaded == ""


@pytest.mark.slow  # a process of its own: a run sets TensorFlow's global options
@pytest.mark.parametrize("fails", [False, True])
def test_run_with_labels(tmp_path, fails):
    nodes, labels = np.arange(40), np.arange(40) // 20
    features = np.random.default_rng(0).normal(size=(40, 5)) + labels[:, None]
    np.savez(
        tmp_path / "ring <b>.npz",
        features=features,
        edge_index=np.stack([nodes, (nodes + 1) % 40]),
        labels=np.array(["<i>one</i>", "two"])[labels],
    )
    output = tmp_path / "out"
    script = "import sys\n"
    if fails:
        script += (
            "from graph_barlow_twins.pretrain.report import data\n"
            "def broken(*args): raise MemoryError('no room')\n"
            "data.principal_components = broken\n"
        )
    script += "from graph_barlow_twins.pretrain.cli.main import main\nsys.exit(main())"
    flags = ["--steps", "4", "--folds", "2", "--quiet", "--units", "16", "8"]
    flags += ["--dataset", f"npz:{tmp_path / 'ring <b>.npz'}", "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-c", script, "pretrain", *flags],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    metrics = json.loads((output / "metrics.json").read_text())
    spent = metrics["seconds"]
    assert list(spent)[-1] == "total"
    assert 0 < sum(spent.values()) - spent["total"] <= spent["total"]
    assert ("no report (MemoryError: no room)" in done.stderr) == fails
    assert (str(output / "report.html") in done.stdout) == (not fails)
    assert (output / "report.html").exists() == (not fails)
    assert (output / "embeddings.npz").exists()
    assert (output / "model" / "saved_model.pb").exists()
    if fails:
        return
    assert {"loading", "training", "export", "evaluation", "report", "total"} == set(spent)
    text = (output / "report.html").read_text("utf-8")
    parsed = Page(text)
    words = parsed.visible()
    assert ("h1", "ring <b>.npz") in parsed.texts
    for name, one in metrics["evaluation"].items():
        assert name in words
        assert f"{100 * one['linear_probe']['mean']:.2f}" in words
    assert f"{spent['total']:.1f}" in words
    assert "C was not computed" not in words
    assert text.split('class="dots">')[1].split("</g>")[0].count("<circle") == 40
    assert not parsed.all("i")
