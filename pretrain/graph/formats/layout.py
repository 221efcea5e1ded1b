"""How a text of rows and columns is laid out: gzip, separators, quotes, decimal commas."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError, shown
from ...files import most_unfolded, open_file

_SEPARATORS = ",;\t|"
_BLOCK = 1 << 20
_QUOTED = re.compile(r' *"((?:[^"]|"")*)" *')
_COMMA_NUMBER = r"[-+]?\d+(,\d+)?([eE][-+]?\d+)?"
_THOUSANDS = r"[-+]?[1-9]\d{0,2}(,\d{3})+"

# Digits but 0 as 1, and what is in no number as a space.
_SHAPES = bytes(one if one in b"01.+" else 49 if one in b"23456789" else 32 for one in range(256))


class _Unfolded(io.RawIOBase):
    """What a gzip file unfolds to, up to a bound."""

    def __init__(self, path: str | Path, file: Any):
        self._path, self._file = path, gzip.GzipFile(fileobj=file)
        self._most = most_unfolded(os.fstat(file.fileno()).st_size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)
        if self._file.tell() > self._most:
            raise InputError(
                f"{self._path}: unfolds to more than {self._most:,} bytes; unpack it: gunzip FILE"
            )
        return count


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[Any]:
    """The bytes of a file, unpacked where its name ends in .gz.

    Reading raises InputError where little unfolds to more than a quarter of a GB.
    """
    with open_file(path) as file:
        is_packed = str(path).lower().endswith(".gz")
        yield io.BufferedReader(_Unfolded(path, file), _BLOCK) if is_packed else file


def style_of(file: Any, *, is_tsv: bool) -> dict[str, Any]:
    """How a table of text is laid out, in the words of `pandas.read_csv`.

    Args:
        file: opened for reading bytes; it is left at its beginning.
        is_tsv: whether tabs are between its columns, whatever it holds.
    """
    header = file.readline(_BLOCK).decode("utf-8-sig", "replace").rstrip("\r\n")
    separator = "\t" if is_tsv else max(_SEPARATORS, key=header.count)
    style: dict[str, Any] = {"sep": separator, "skipinitialspace": True}
    file.seek(0)
    if is_tsv and _has_stray_quotes(file):
        names = [unquoted(one) or f"Unnamed: {i}" for i, one in enumerate(header.split("\t"))]
        style |= {"quoting": csv.QUOTE_NONE, "names": names, "header": 0}
    file.seek(0)
    return style


def _has_stray_quotes(file: Any) -> bool:
    """Whether a field begins with a quote that does not end it, though each line is a row.

    Text that is quoted as in CSV may go on in the next line; then lines differ in their tabs.
    """
    if not any(b'"' in block for block in iter(lambda: file.read(_BLOCK), b"")):
        return False
    file.seek(0)
    counts, stray = set(), False
    for line in file:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text:
            counts.add(text.count("\t"))
        if len(counts) > 1:
            return False
        begun = [one for one in text.split("\t") if one.lstrip(" ").startswith('"')]
        stray = stray or not all(map(_QUOTED.fullmatch, begun))
    return stray and counts != {0}


def may_have_zeros_first(file: Any) -> bool:
    """Whether there may be a number such as 007 or +7 in a text; soon told, and rarely wrong."""
    last = b""
    for block in iter(lambda: file.read(_BLOCK), b""):
        shape = last + block.translate(_SHAPES)
        if any(one in shape for one in (b" 01", b" 00", b"+")):
            return True
        last = shape[-2:]
    return False


def unquoted(text: str) -> str:
    """A field without the quotes at both of its ends."""
    found = _QUOTED.fullmatch(text)
    return found[1].replace('""', '"') if found else text


def without_quotes(table: Any, ids: Sequence[Any]) -> Any:
    """A table that was read with its quotes, without those at both ends of a field."""
    import pandas

    for name, known in _texts(table, []):
        if known.str.contains('"', regex=False).any():
            table[name] = table[name].map(unquoted, na_action="ignore")
            if name not in ids:
                with contextlib.suppress(ValueError):
                    table[name] = pandas.to_numeric(table[name])
    return table


def with_decimal_commas(table: Any, ids: Sequence[Any], where: str) -> Any:
    """A table in which columns of 3,7 and the like are numbers: all in a column, none with a point.

    Raises:
        InputError: a column in which every comma may be one of thousands, as in 1,234.
    """
    number = f"{_COMMA_NUMBER}|{_THOUSANDS}"
    for name, known in _texts(table, ids):
        # The first one alone tells it of most columns.
        if not re.fullmatch(number, known.iloc[0].strip()):
            continue
        known = known.str.strip()
        commas = known[known.str.contains(",", regex=False)]
        if not (len(commas) and known.str.fullmatch(number).all()):
            continue
        if commas.str.fullmatch(_THOUSANDS).all():
            raise InputError(
                f"{where}: column {shown(str(name))}: {shown(commas.iloc[0])} may be a decimal, or"
                " have a comma for thousands; write such numbers with a point, or without commas"
            )
        if known.str.fullmatch(_COMMA_NUMBER).all():
            table[name] = table[name].str.strip().str.replace(",", ".").astype(float)
    return table


def _texts(table: Any, but: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Columns of text, and what they have."""
    for name in table.columns.difference(list(but), sort=False):
        known = table[name].dropna()
        if len(known) and isinstance(known.iloc[0], str):
            yield name, known
