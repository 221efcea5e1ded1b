"""The faults that can be planted in a file, and a choice of them by a seed."""

from __future__ import annotations

import ast
import difflib
import random
import re
from collections import defaultdict
from dataclasses import dataclass

from . import sites


@dataclass(frozen=True)
class Mutant:
    """One fault: `old` at the bytes ``start:end`` of a file becomes `new`.

    Attributes:
        file: the path, relative to the root.
        line: where the fault begins.
        text: that line, stripped.
        statement: first and last line of the statement around it.
        function: first and last line of the function around it; of the whole file if there is none.
    """

    file: str
    line: int
    text: str
    start: int
    end: int
    old: str
    new: str
    statement: tuple[int, int]
    function: tuple[int, int]

    @property
    def change(self) -> str:
        """The fault in words, the same wherever the line stands."""
        return f"{_short(self.old)} -> {_short(self.new)}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What is known of the fault without a line number."""
        return self.file, self.text, self.change

    def apply(self, source: bytes) -> bytes:
        """The file with the fault; it has as many lines as before."""
        return source[: self.start] + self.new.encode() + source[self.end :]

    def diff(self, source: bytes) -> str:
        """The fault as a unified diff."""
        before, after = source.decode(), self.apply(source).decode()
        lines = difflib.unified_diff(
            before.splitlines(), after.splitlines(), self.file, self.file, n=3, lineterm=""
        )
        return "\n".join(lines)


def _short(text: str) -> str:
    text = " ".join(text.split()) or "nothing"
    return text if len(text) <= 60 else f"{text[:40]} ... {text[-15:]}"


def all_mutants(file: str, source: bytes, equal_paths=()) -> list[Mutant]:
    """Every fault that the tool knows for a file, from top to bottom.

    Args:
        file: the path to note.
        source: what the file holds.
        equal_paths: names whose value does not change results; statements with them stay whole.
    """
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    offset = lambda line, column: starts[line - 1] + column  # noqa: E731
    found = {}
    for site in sites.find(ast.parse(source), equal_paths):
        start = offset(site.node.lineno, site.node.col_offset)
        last = site.until or site.node
        end = offset(last.end_lineno, last.end_col_offset)
        if site.after is not None:  # an operator: it stands between two nodes
            start = offset(site.after.end_lineno, site.after.end_col_offset)
            end = offset(site.node.lineno, site.node.col_offset)
            match = re.search(_token(site.old), source[start:end])
            if match is None or b"#" in source[start:end]:
                continue
            start, end = start + match.start(), start + match.end()
        old = source[start:end].decode()
        new = site.new(old) if callable(site.new) else site.new
        new += "\n" * (old.count("\n") - new.count("\n"))
        line = source.count(b"\n", 0, start) + 1
        text = lines[line - 1].decode().strip()
        mutant = Mutant(file, line, text, start, end, old, new, site.statement, site.function)
        if new.strip() != old:
            found[start, end, new] = mutant
    return [found[key] for key in sorted(found)]


def _token(operator: str) -> bytes:
    """A pattern for an operator of one or two words, and for no longer one that begins with it."""
    pattern = r"\s+".join(map(re.escape, operator.split()))
    if operator[0].isalpha():
        return rf"\b{pattern}\b".encode()
    return rf"(?<![-+*/<>=!&|^%@]){pattern}(?![*/<>=&|])".encode()


def choose(candidates: dict[str, list[Mutant]], sizes: dict[str, int], count: int, seed) -> list:
    """So many mutants, spread over the files in proportion to their sizes.

    The mutants of a file depend on the seed, the file and its share alone, and those of a smaller
    share are among those of a larger one. No line has two before every line has one.

    Args:
        candidates: all mutants by file.
        sizes: lines of code by file.
        count: how many; fewer are returned where there are no more.
        seed: any text or number.
    """
    orders = {file: _shuffled(found, f"{seed} {file}") for file, found in candidates.items()}
    shares = dict.fromkeys(orders, 0)
    while count > sum(shares.values()):
        hungry = [file for file in orders if shares[file] < len(orders[file])]
        if not hungry:
            break
        # Sainte-Lague: the file that is furthest behind its part gets the next one.
        shares[max(hungry, key=lambda file: sizes[file] / (2 * shares[file] + 1))] += 1
    chosen = [mutant for file, share in shares.items() for mutant in orders[file][:share]]
    return sorted(chosen, key=lambda mutant: (mutant.file, mutant.start, mutant.end, mutant.new))


def _shuffled(mutants, seed):
    generator = random.Random(seed)
    by_line = defaultdict(list)
    for mutant in mutants:
        by_line[mutant.line].append(mutant)
    keys = []
    for line in sorted(by_line):
        generator.shuffle(by_line[line])
        keys += [(turn, generator.random(), m) for turn, m in enumerate(by_line[line])]
    return [mutant for *_, mutant in sorted(keys, key=lambda key: key[:2])]


def code_lines(source: bytes) -> int:
    """The number of lines on which a statement begins, without docstrings."""
    statements = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt))
    return len({node.lineno for node in statements if not sites.is_text(node)})
