"""Embeddings of sampled subgraphs, to Parquet files, by Apache Beam."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np

from ..errors import InputError, shown
from ..graph.schema.samples import files_of_pattern
from ..output.embeddings.kinds import PARQUET, Kind
from ..output.embeddings.write import write_table
from ..quiet import quiet_tensorflow
from ..sampling.draws import id_words
from .applier import Loader, load_applier, loaded
from .blocks import shard_of, split
from .counts import Counts, received, sent
from .pipeline import count, grouped, to
from .runner import run
from .sample import ABOUT, RECORDS
from .shards import Shards, progress

ROWS, EXAMPLES, WRITTEN = "rows", "examples", "to be written"
_BATCH = 256


class Apply(beam.DoFn):
    """Applies a model.

    Args:
        model: its folder.
        loader: of models.
        shards: how many.
    """

    def __init__(self, model: str, loader: Loader, shards: int) -> None:
        self._model, self._loader, self._shards = model, loader, shards

    def setup(self) -> None:
        """Loads the model."""
        self._apply = loaded(self._loader, self._model)

    def process(self, path: str) -> Iterator[Any]:
        """Takes the path of a file; sends ids and embeddings."""
        for batch in _batches(path):
            ids, embeddings = self._apply(batch)
            ids = np.asarray(ids, object)
            yield sent(EXAMPLES, len(batch))
            for shard, rows in split(shard_of(id_words(ids), self._shards)):
                yield ROWS, (shard, (ids[rows], embeddings[rows]))


class WriteTables(beam.DoFn):
    """Writes Parquet files.

    Args:
        shards: where to.
        model: its folder.
        loader: of models.
    """

    def __init__(self, shards: Shards, model: str, loader: Loader) -> None:
        self._shards, self._model, self._loader = shards, model, loader

    def process(self, element: tuple[int, Iterable[Any]]) -> Iterator[Any]:
        """Takes ids and embeddings of a shard, and None, which stands for no rows."""
        shard, blocks = element[0], [one for one in element[1] if one is not None]
        yield received(EXAMPLES, WRITTEN, sum(len(ids) for ids, _ in blocks))
        if not blocks:  # the columns are wanted all the same
            blocks = [loaded(self._loader, self._model)([])]
        ids, embeddings = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        order = np.argsort(ids, kind="stable")
        ids = ids[order]
        if (again := ids[1:] == ids[:-1]).any():
            raise InputError(
                f"--dataset: the subgraph of {shown(ids[1:][again][0])} is there twice; expected"
                " the files of one sampling"
            )
        with self._shards.writing(shard) as path, path.open("wb") as file:
            write_table(file, Kind(PARQUET), embeddings[order], ids.astype(str))


def embed(
    model: str,
    pattern: str,
    output: str,
    *,
    loader: Loader = load_applier,
    runner: str = "DirectRunner",
    options: Sequence[str] = (),
    overwrite: bool = False,
    quiet: bool = False,
) -> int:
    """Writes ``NAME-00000-of-00064.parquet`` ...: a row for each root, by their ids.

    They come to their place when all are complete. Workers have to see the model, the subgraphs and
    the folder of the output.

    Args:
        model: its folder.
        pattern: of the files of subgraphs: ``NAME@SHARDS.tfrecord``, a path or a pattern.
        output: ``NAME@SHARDS.parquet``.
        loader: of models; what it gives is kept for each process.
        runner: name of one of Beam's.
        options: of Beam.
        overwrite: whether an earlier output may be replaced.
        quiet: whether nothing is said on the way.

    Returns:
        The number of rows.

    Raises:
        InputError: a model, a file, an option or an output that cannot be used.
        OutputError: if the runner fails, or has lost something.
    """
    shards = Shards.of(output, PARQUET)
    shards.check_free([], overwrite)
    files, expected = _files(pattern)
    model = os.path.abspath(os.path.expanduser(model))
    with shards.replacing([]) as partial, progress(partial, quiet):
        if not quiet:
            print(f"embedding {len(files):,} files, {runner}", file=sys.stderr)
        build = functools.partial(_build, files=files, model=model, loader=loader, shards=partial)
        run(build, runner, options)
        counts = Counts(partial.folder, runner)
        counts.check([(EXAMPLES, WRITTEN)])
        roots = counts.sent(EXAMPLES)
        if expected not in (None, roots):
            raise InputError(
                f"--dataset: {pattern}: expected {expected:,} subgraphs, as {ABOUT} says, got"
                f" {roots:,}"
            )
    return roots


def _build(
    pipeline: beam.Pipeline, files: list[str], model: str, loader: Loader, shards: Shards
) -> None:
    paths = pipeline | "files" >> beam.Create(files) | "spread" >> beam.Reshuffle()
    rows = paths | "apply" >> beam.ParDo(Apply(model, loader, shards.count))
    every = pipeline | "shards" >> beam.Create([(one, None) for one in range(shards.count)])
    blocks = grouped([every, to(ROWS, rows)], "shard")
    done = blocks | "write" >> beam.ParDo(WriteTables(shards, model, loader))
    count([rows, done], shards.folder)


def _files(pattern: str) -> tuple[list[str], int | None]:
    """The files, and how many subgraphs should be in them, if that is written anywhere."""
    files = [os.path.abspath(one) for one in files_of_pattern(pattern)]
    if "@" not in Path(pattern).name:
        return files, None
    shards = Shards.of(pattern, RECORDS, "--dataset samples:")
    about = shards.beside(ABOUT)
    if not about.is_file():
        raise InputError(
            f"--dataset samples:{pattern}: there is no {about}, which a sampling that has come to"
            " its end leaves"
        )
    return files, json.loads(about.read_text("utf-8"))["roots"]


def _batches(path: str) -> Iterator[list[bytes]]:
    with quiet_tensorflow():
        import tensorflow as tf
    records = iter(tf.data.TFRecordDataset(path).batch(_BATCH))
    while True:
        try:
            batch = next(records)
        except StopIteration:
            return
        except tf.errors.OpError as error:
            raise InputError(f"cannot read {path}: {error.message}") from None
        yield batch.numpy().tolist()
