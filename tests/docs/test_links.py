"""Paths that pages, docstrings and messages name exist: what is moved is moved everywhere."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Relative links of Markdown, and pages of docs/ named anywhere.
LINK = re.compile(r"\]\((?!\w+:|#)([^)\s#]+)")
PAGE = re.compile(r"(?<![\w/.])docs/[\w/]+\.md")


@pytest.fixture(scope="module")
def texts():
    """The text of every file of the repository, by path."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: git lists the files")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = [ROOT / name for name in listed.stdout.splitlines()]
    return {path: path.read_text("utf-8") for path in paths if path.is_file()}


def test_links_of_pages_lead_somewhere(texts):
    links = [
        (path.relative_to(ROOT), link)
        for path, text in texts.items()
        if path.suffix == ".md"
        for link in LINK.findall(text)
    ]
    assert len(links) > 50
    assert not [(page, link) for page, link in links if not (ROOT / page.parent / link).exists()]


def test_named_pages_exist(texts):
    named = {page for text in texts.values() for page in PAGE.findall(text)}
    assert len(named) > 10
    assert not [page for page in named if not (ROOT / page).exists()]
