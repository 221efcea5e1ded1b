"""Docstrings as Markdown: doctests become blocks of code, names of pages become links."""

import re

import griffe

_PAGE = re.compile(r"docs/((?:usage|theory|results)/(\w+))\.md")
# Lines that begin with >>>, and what follows up to an empty line.
_DOCTEST = re.compile(r"^([ ]*)>>> .*(?:\n\1(?=\S).*)*", re.M)


class Docstrings(griffe.Extension):
    """Rewrites the text before it is read as Google's style."""

    def on_object(self, *, obj, **_):
        """Of every module, class, function and attribute."""
        if obj.docstring:
            text = _DOCTEST.sub(_fence, obj.docstring.value)
            # From the pages of reference/, which are the only ones with docstrings.
            obj.docstring.value = _PAGE.sub(r"[\2](../\1.md)", text)


def _fence(found):
    indent = found[1]
    return f"{indent}```pycon\n{found[0]}\n{indent}```"
