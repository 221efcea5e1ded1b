"""Docstrings as Markdown: doctests become blocks of code, names of pages become links."""

import re

import griffe

# Lines that begin with >>>, and what follows up to an empty line.
_DOCTEST = re.compile(r"^([ ]*)>>> .*(?:\n\1(?=\S).*)*", re.M)


class Docstrings(griffe.Extension):
    """Rewrites the text before it is read as Google's style."""

    def on_object(self, *, obj, **_):
        """Of every module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = _DOCTEST.sub(_fence, obj.docstring.value)


def _fence(found):
    indent = found[1]
    return f"{indent}```pycon\n{found[0]}\n{indent}```"
