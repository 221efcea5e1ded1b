"""What MkDocs asks while it builds the site: formulas, plots and tables that are made, not written.

A comment ``<!-- site: NAME ARGUMENT -->`` in a page is replaced by what `_MADE` gives for it; on
other renderings of the page it is not seen.
"""

import contextlib
import re
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # for bench, however MkDocs was started

import formulas  # noqa: E402
import options  # noqa: E402
import plots  # noqa: E402

from bench.against.trees import package_of  # noqa: E402

_MADE = {"options": options.table, "plot": plots.plot}
_COMMENT = re.compile(r"<!-- site: (\w+) ([\w-]+) -->")


def on_startup(command, dirty):
    """Gives mkdocstrings the package as one folder, as it is installed, before it looks for it."""
    folder = ROOT / "build" / "package"
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        made = package_of(ROOT, Path(temporary) / "package")
        names = [sorted(one.name for one in at.glob("*/*")) for at in (folder, made)]
        if names[0] != names[1]:  # else another build may be reading it
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # another build was first
                made.rename(folder)


def on_page_markdown(markdown, page, config, files):
    """Fills the places of plots and tables."""
    return _COMMENT.sub(lambda found: _MADE[found[1]](found[2]), markdown)


def on_page_content(html, page, config, files):
    """Sets formulas."""
    return formulas.set_all(html)
