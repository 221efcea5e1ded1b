"""The page of a report, without a browser: complete, self-contained, true, and safe."""

import base64
import dataclasses
import doctest
import hashlib
import json
import re
import zlib

import numpy as np
import pytest
from graph_barlow_twins.pretrain.report import svg as report_svg
from graph_barlow_twins.pretrain.report.content import ReportContent
from graph_barlow_twins.pretrain.report.data import correlation
from graph_barlow_twins.pretrain.report.figures import Line, heat_map, line_chart, scatter
from graph_barlow_twins.pretrain.report.page import page

from tests.report.pages import HOSTILE, Page, make_content, make_data

SECTIONS = (
    "Does it help?",
    "What was chosen",
    "Where the nodes lie",
    "How training went",
    "What the loss drives to the identity",
    "How many directions are in use",
    "How it was made",
)


@pytest.fixture(scope="module")
def content():
    return make_content()


@pytest.fixture(scope="module")
def text(content):
    return page(content)


def embedded(text):
    return json.loads(re.search(r'id="figures">(.*?)</script>', text, re.S).group(1))


def test_sections_title_language_and_headings(text):
    parsed = Page(text)
    headings = [data for tag, data in parsed.texts if tag == "h2"]
    assert tuple(headings) == SECTIONS
    assert parsed.all("html") == [{"lang": "en"}]
    assert ("title", "blocks · Graph Barlow Twins") in parsed.texts
    assert ("h1", "blocks") in parsed.texts
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for section in parsed.all("section"):
        assert section["aria-labelledby"] in ids


def test_node_sets_and_edge_sets_are_drawn(content):
    sets = {
        "target": "paper",
        "node_sets": {"author": None, HOSTILE: 7, "paper": 1234},
        "edge_sets": {"writes": ["author", "paper", 5678], "cites": ["paper", "paper", None]},
    }
    drawn = page(dataclasses.replace(content, metrics={**content.metrics, "sets": sets}))
    words = " ".join(data for _, data in Page(drawn).texts)
    assert "What the graph is made of" in words
    for one in ("1,234 nodes", "writes 5,678", "of the nodes of"):
        assert one in words
    assert HOSTILE not in drawn


def test_every_picture_has_words_and_every_table_headers(text):
    parsed = Page(text)
    for picture in parsed.all("img"):
        assert picture["alt"]
    for drawing in parsed.all("svg"):
        assert drawing.get("aria-hidden") == "true" or (
            drawing["role"] == "img" and drawing["aria-label"]
        )
    assert len(parsed.all("table")) == text.count("<thead>")
    assert all(header["scope"] in ("col", "row") for header in parsed.all("th"))


def test_nothing_is_loaded(text):
    assert not re.search(r"""(https?|ftp|wss?):|["'(=]//""", text)
    assert "@import" not in text
    assert "url(" not in text
    assert not re.search(r"\beval\b|new Function|innerHTML|document\.write|fetch\(", text)
    for tag, attributes in Page(text).elements:
        assert tag not in ("iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "srcset"):
            assert attributes.get(name, "data:").startswith("data:")
        assert not any(name.startswith("on") for name in attributes)
        assert "style" not in attributes  # the policy would refuse it


def test_policy_allows_this_style_and_this_script_alone(text):
    (policy,) = (m["content"] for m in Page(text).all("meta") if "http-equiv" in m)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        body = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.S).group(1)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_numbers_are_those_of_the_metrics(content, text):
    words = Page(text).visible()
    assert "87.7 %" in words  # trained, in the headline
    assert "13.4 percentage points above the best baseline, PCA" in words
    for expected in ("87.68", "74.32", "± 1.0", "9.25", "1.125", "6.54", "20.2", "24.5", "60"):
        assert expected in words, expected
    assert "+13.36" in words
    for one in content.correlations:
        assert report_svg.number(one.diagonal) in words
        assert report_svg.number(one.off_diagonal) in words
    assert content.versions["tensorflow"] in words


@pytest.mark.parametrize(
    ("folds", "verdict"),
    [
        ((0.89, 0.91), "is 2.3 percentage points below the best baseline, PCA."),
        # As far apart, but one fold speaks for PCA.
        ((0.88, 0.84), "is level with the best baseline, PCA: a difference of 1.7 percentage"),
    ],
)
def test_neither_a_loss_nor_a_difference_within_its_error_is_called_a_gain(content, folds, verdict):
    probe = {name: dict(one) for name, one in content.metrics["probe"].items()}
    probe["PCA"] |= {"accuracy": sum(folds) / 2, "split_accuracies": list(folds)}
    metrics = {**content.metrics, "probe": probe}
    words = Page(page(dataclasses.replace(content, metrics=metrics))).visible()
    assert f"The trained encoder {verdict}" in words
    assert "above the best" not in words


def test_points_curves_and_read_outs_are_drawn(content, text):
    data = embedded(text)
    assert set(data) == {"map", "loss", "rankme", "c-start", "c-end", "spectrum"}
    assert text.split('class="dots">')[1].split("</g>")[0].count("<circle") == 60
    assert data["map"]["ids"][7] == "class node 7"
    assert sorted(data["map"]["order"]) == list(range(60))
    assert data["loss"]["lines"][0]["text"][0] == "9.250"
    assert len(data["loss"]["x"]) == 30
    # A step without a value is a gap: two pens down.
    rank = re.search(r'id="rankme".*?class="curve main" d="([^"]*)"', text, re.S).group(1)
    assert rank.count("M") == 2
    assert data["rankme"]["lines"][0]["at"][1] is None
    values = np.frombuffer(base64.b64decode(data["c-end"]["values"]), np.uint8).reshape(8, 8)
    expected = content.correlations[1].picture
    np.testing.assert_allclose((values.astype(float) - 127) / 127, expected, atol=0.5 / 127 + 1e-6)


def test_hostile_names_stay_text():
    data = make_data(N=12, name=HOSTILE, class_name=HOSTILE.replace("\x00", "") + "{}")
    text = page(make_content(data, dataset=HOSTILE))
    parsed = Page(text)
    assert len(parsed.all("script")) == 2
    assert len(parsed.all("title")) == 1
    assert "onerror=alert" in parsed.visible()  # it is shown, as text
    assert not any("onerror" in attributes for _, attributes in parsed.elements)
    assert all(source["src"].startswith("data:") for source in parsed.all("img"))
    for character in ("\x00", "\u202e"):
        assert character not in text
    assert embedded(text)["map"]["ids"][0].startswith("</script>")


def test_hostile_names_of_everything_else():
    content = make_content()
    metrics = dict(content.metrics)
    metrics["probe"] = {f"{HOSTILE}{k}": v for k, v in content.metrics["probe"].items()}
    metrics["evaluation"] = {
        f"{HOSTILE}{k}": {HOSTILE: v["linear_probe"]}
        for k, v in content.metrics["evaluation"].items()
    }
    metrics["probe"] = {k: {**v, "protocol": HOSTILE} for k, v in metrics["probe"].items()}
    metrics["seconds"] = {HOSTILE: 3.0, **metrics["seconds"]}
    hostile = dataclasses.replace(
        content,
        metrics=metrics,
        configuration={HOSTILE: HOSTILE, "list": [HOSTILE]},
        versions={HOSTILE: HOSTILE, "graph-barlow-twins": HOSTILE},
    )
    parsed = Page(page(hostile))
    assert len(parsed.all("script")) == 2
    assert not any("onerror" in attributes for _, attributes in parsed.elements)
    assert all(source["src"].startswith("data:") for source in parsed.all("img"))


def test_long_paths_are_shortened_in_the_heading():
    parsed = Page(page(make_content(dataset="npz:/home/someone/graphs/mine.npz")))
    assert ("h1", "mine.npz") in parsed.texts


@pytest.mark.parametrize(
    ("N", "D", "labels"), [(1, 1, False), (2, 1, False), (2, 8, False), (4, 2, True), (30, 1, True)]
)
def test_small_graphs(N, D, labels):
    content = make_content(make_data(N, min(N, 2), labels=labels), D=D, steps=1)
    assert page(content).count("<circle") >= N
    Page(page(content))


def test_without_labels(text):
    parsed = Page(page(make_content(make_data(labels=False))))
    words = parsed.visible()
    assert "There are no labels to test it with" in words
    assert "k-means" in words
    assert "percentage points" not in words
    assert "cluster 1" in words


def test_least_content():
    metrics = {
        "dataset": "bare",
        "nodes": 5,
        "edges": 0,
        "features": 1,
        "dimension": 1,
        "rankme": None,
        "probe": {},
        "curves": {},
        "seconds": {"training": 0.0, "total": 0.0},
    }
    parsed = Page(page(ReportContent(metrics)))
    assert [data for tag, data in parsed.texts if tag == "h2"] == list(SECTIONS)


def test_curves_say_what_a_step_sees(content, text):
    assert "The loss of each step over the whole graph, and RankMe of every tenth" in text
    options = {**content.configuration, "fan_out": [10, 5]}
    sampled = page(dataclasses.replace(content, configuration=options))
    assert "The loss of each step over a batch of sampled subgraphs, and RankMe" in sampled
    linear = dataclasses.replace(content, metrics={**content.metrics, "encoder": "linear"})
    assert page(linear).count("the scale of the singular values") == 2
    assert "the scale of the singular values" not in text


def test_many_classes_share_a_grey():
    drawn = scatter(make_content(make_data(N=400, classes=25)).projection)
    assert "16 other classes" in drawn.markup
    assert 'data-group="k8"' in drawn.markup
    assert 'data-group="k9"' not in drawn.markup


def chart(*values, **options):
    line = Line("loss", "main", values)
    return line_chart([line], title="", labels=("step", ""), **options)


def test_long_curves_are_thinned_but_keep_their_ends():
    drawn = chart(*np.linspace(5, 1, 100_000)).data
    assert len(drawn["x"]) == 600
    assert drawn["label"][-1] == "step 99,999"
    assert drawn["lines"][0]["text"][-1] == "1"


def test_values_that_no_axis_can_hold():
    for values in ([None], [float("nan")] * 3, [0.0, -1.0]):
        assert "No finite value" in chart(*values, log=True).markup
    assert "nan" not in chart(2.0, 2.0, 2.0).markup


def test_axes_hold_the_limit_and_whole_decades():
    limited = chart(1.0, 2.0, limit=(8.0, "most")).markup
    ticks = [float(t) for t in re.findall(r'class="tick end"[^>]*>([\d.]+)<', limited)]
    assert (min(ticks), max(ticks)) == (2.0, 8.0)
    assert "most</text>" in limited
    decades = chart(1e-6, 1.0, 1e3, log=True).markup
    found = re.findall(r'class="tick end"[^>]*>([^<]+)<', decades)
    assert found == ["10⁻⁶", "10⁻⁴", "0.01", "1", "100"]


def test_png_holds_the_pixels():
    pixels = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    uri = report_svg.png(pixels, [(0, 0, 0), (255, 0, 0), (1, 2, 3)])
    raw = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    assert raw.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4], "big")
        body = raw[at + 4 : at + 8 + length]
        assert zlib.crc32(body) == int.from_bytes(raw[at + 8 + length : at + 12 + length], "big")
        chunks[body[:4]] = body[4:]
        at += 12 + length
    assert chunks[b"PLTE"] == bytes([0, 0, 0, 255, 0, 0, 1, 2, 3])
    assert zlib.decompress(chunks[b"IDAT"]) == bytes([0, 0, 1, 2, 0, 2, 1, 0])


def test_both_heat_maps_use_one_scale():
    weak = heat_map(correlation(np.full((2, 2), 0.5, np.float32)), "a").data["values"]
    mixed = heat_map(correlation(np.array([[0.5, 1], [1, 0.5]], np.float32)), "b").data["values"]
    assert base64.b64decode(weak)[0] == base64.b64decode(mixed)[0]


def test_doctests():
    result = doctest.testmod(report_svg)
    assert (result.failed, result.attempted) == (0, 4)
