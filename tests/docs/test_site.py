"""The documentation site in a real browser: quiet, offline, and no page wider than the screen."""

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.report.browser import open_tab

ROOT = Path(__file__).resolve().parents[2]
PHONE, DESKTOP = 375, 1400


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built from the working tree; warnings are errors."""
    if find_spec("mkdocs") is None:
        if os.environ.get("GBT_NEED_BROWSER"):
            pytest.fail("mkdocs is not installed, and GBT_NEED_BROWSER is set")
        pytest.skip("mkdocs is not installed; it comes with the extra docs")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", folder],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


# One test: another process would build the site once more.
@pytest.mark.slow
def test_every_page_on_a_phone_and_on_a_desk(site):
    docs = ROOT / "docs"
    pages = [site / page.relative_to(docs).with_suffix(".html") for page in docs.rglob("*.md")]
    found = []
    with open_tab() as tab:
        for page in pages:
            for width in (PHONE, DESKTOP):
                tab.problems.clear()
                tab.requests.clear()
                tab.show(page.as_uri(), width=width)
                where = page.relative_to(site), width
                found += [(*where, problem) for problem in tab.problems]
                found += [(*where, url) for url in tab.requests if url.startswith("http")]
                wide = tab.evaluate("document.documentElement.scrollWidth")
                found += [(*where, f"{wide} wide")] * (wide > width)
                found += [
                    (*where, f"not set: {text}")
                    for text in tab.evaluate(
                        "[...document.querySelectorAll('article p, article li, article td')]"
                        ".map(e => e.textContent).filter(t => /\\\\[a-z]{2}/.test(t))"
                    )
                ]
        assert not found
        assert search(tab, site, "gradient") > 3


def search(tab, site, words):
    """How many pages the site's search shows."""
    tab.show((site / "index.html").as_uri(), width=DESKTOP)
    tab.evaluate("document.querySelector('.md-search__input').focus()")
    tab.evaluate(
        f"(i => {{ i.value = {words!r}; i.dispatchEvent(new Event('keyup')); }})"
        "(document.querySelector('.md-search__input'))"
    )
    deadline, shown = time.monotonic() + 20, 0
    while not shown and time.monotonic() < deadline:
        time.sleep(0.2)
        shown = tab.evaluate("document.querySelectorAll('.md-search-result__item').length")
    return shown


@pytest.mark.slow
def test_formulas_and_plots_are_there(site):
    formulas = (site / "theory/derivation.html").read_text("utf-8")
    assert formulas.count("<math ") > 100
    assert "arithmatex" not in formulas
    plots = [
        (site / f"results/{name}.html").read_text("utf-8") for name in ("accuracy", "benchmarks")
    ]
    assert [page.count('<figure class="plot">') for page in plots] == [1, 2]
    options = (site / "reference/command_line.html").read_text("utf-8")
    assert all(
        f"<code>{one}</code>" in options for one in ("--dataset", "--trust-model", "--seeds")
    )
    reference = (site / "reference/specification.html").read_text("utf-8")
    assert "barlow_twins_loss_and_gradients" in reference
