"""The report in a real browser: drawn, quiet, readable in both schemes and at both widths."""

import collections
import io
import time

import numpy as np
import pytest
from graph_barlow_twins.pretrain.report import write_report
from PIL import Image

from tests.report.browser import open_tab
from tests.report.pages import HOSTILE, make_content, make_data

pytestmark = pytest.mark.slow  # the browser draws without a GPU
NODES = 400


@pytest.fixture(scope="module")
def tab():
    with open_tab() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report whose names are all hostile: the browser must stay quiet about them too."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    names = HOSTILE.replace("\x00", "") + "{}"
    data = make_data(NODES, name=HOSTILE, class_name=names)
    write_report(path, make_content(data, D=16, dataset=HOSTILE))
    return path.as_uri()


def pixels(png):
    """uint8 [height, width, 3] of a PNG."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def colours(image):
    return collections.Counter(map(tuple, image.reshape(-1, 3)[::7].tolist()))


@pytest.mark.parametrize("width", [400, 1400])
def test_looks_right_in_both_schemes(tab, report, width):
    tab.problems.clear()
    tab.requests.clear()
    backgrounds = []
    for scheme in ("light", "dark"):
        tab.show(report, width=width, scheme=scheme)
        image = pixels(tab.screenshot())
        assert image.shape[1] == width  # nothing sticks out sideways
        assert image.shape[0] > 2000
        seen = colours(image)
        assert len(seen) > 200, "hardly any colour: the page is blank"
        background = seen.most_common(1)[0]
        assert background[1] < 0.9 * sum(seen.values())
        # Something stands in every tenth of the page.
        for part in np.array_split(image, 10):
            assert len(colours(part)) > 10
        backgrounds.append(np.mean(image[5, 5]))
    assert backgrounds[0] > 200
    assert backgrounds[1] < 60
    assert tab.problems == []
    assert all(address.startswith(("file:", "data:")) for address in tab.requests), tab.requests


def test_points_curves_and_images_are_drawn(tab, report):
    tab.show(report)
    assert tab.evaluate("document.documentElement.dataset.ready") == "true"
    box = (
        "[...document.querySelectorAll('.dots circle')].filter(c => c.getBoundingClientRect().width"
        " > 2).map(c => getComputedStyle(c).fill)"
    )
    fills = tab.evaluate(box)
    assert len(fills) == NODES
    assert len(set(fills)) == 3  # one colour for each class
    lengths = tab.evaluate(
        "[...document.querySelectorAll('figure path.curve')].map(p => p.getTotalLength())"
    )
    assert sum(length > 100 for length in lengths) == 4  # loss, RankMe, two spectra
    images = "[...document.images].map(i => [i.complete, i.naturalWidth])"
    assert tab.evaluate(images) == [[True, 16], [True, 16], [True, 255]]
    # Two heat maps of different content.
    sources = tab.evaluate("[...document.querySelectorAll('img.heat')].map(i => i.currentSrc)")
    assert len(set(sources)) == 2


def test_dark_scheme_has_its_own_images(tab, report):
    shown = []
    for scheme in ("light", "dark"):
        tab.show(report, scheme=scheme)
        shown.append(tab.evaluate("document.querySelector('img.heat').currentSrc"))
    assert shown[0] != shown[1]
    tab.show(report, scheme="dark", media="print")  # paper is white
    assert tab.evaluate("document.querySelector('img.heat').currentSrc") == shown[0]
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def centre(tab, selector):
    """Scrolls the element into view; where its middle is then."""
    script = (
        f"(() => {{ const e = document.querySelector({selector!r});"
        " e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
        " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    return tab.evaluate(script)


def read_out(tab, x, y):
    """What the page says under the pointer; events take a moment to arrive."""
    tab.point_at(x - 1, y)
    tab.point_at(x, y)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        text = tab.evaluate("(t => t.hidden ? '' : t.textContent)(document.querySelector('.tip'))")
        if text:
            return text
    return ""


def test_pointing_reads_out_values(tab, report):
    tab.problems.clear()
    tab.show(report)
    assert read_out(tab, *centre(tab, "#loss svg.chart")).startswith("step ")
    assert read_out(tab, *centre(tab, "#c-end img.heat")).startswith("C = ")
    spot = read_out(tab, *centre(tab, ".dots circle:last-child"))
    assert spot.startswith("node </script>")  # as text
    assert "alert(1)" in spot
    assert tab.problems == []


def test_legend_hides_a_class(tab, report):
    tab.problems.clear()
    tab.show(report)
    visible = (
        "[...document.querySelectorAll('.dots circle')]"
        ".filter(c => c.getBoundingClientRect().width > 0).length"
    )
    button = "document.querySelector('[data-group=k0]')"
    tab.evaluate(f"{button}.click()")
    assert tab.evaluate(visible) == NODES - 134  # of 400 nodes in 3 classes
    assert tab.evaluate(f"{button}.getAttribute('aria-pressed')") == "false"
    tab.evaluate(f"{button}.click()")
    assert tab.evaluate(visible) == NODES
    assert tab.problems == []


def test_the_policy_stops_what_escaping_would_have_missed(tab, tmp_path, report):
    """If a name ever got through as markup, the page still would not run it."""
    path = tmp_path / "broken.html"
    write_report(path, make_content())
    text = path.read_text("utf-8")
    attack = "<img src=x onerror='window.hurt = 1'><script>window.hurt = 1</script>"
    path.write_text(text.replace("<footer>", attack + "<footer>"), encoding="utf-8")
    tab.show(path.as_uri())
    time.sleep(0.5)
    assert tab.evaluate("typeof window.hurt") == "undefined"
    refused = [problem for problem in tab.problems if "Content Security Policy" in problem]
    assert any("script-src" in problem for problem in refused)
    assert any("img-src" in problem for problem in refused)
