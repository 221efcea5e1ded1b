"""Running a pipeline: options of Beam, and errors of workers in one line."""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Callable, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from ..errors import InputError, OutputError

# Beam does not know it by name.
_RUNNERS = {"daskrunner": "apache_beam.runners.dask.dask_runner.DaskRunner"}
# Keeps Beam's DirectRunner from looking for another one, a program, on the network.
_NO_PRISM = "--allow_unsafe_triggers"
_DASK = "daskrunner"
# Of what is read; where streams meet, Dask adds theirs up, and each costs it more than its data.
_PARTITIONS = 4
_OURS = re.compile(r"InputError: (.*?)(?: \[while running [^\n]*)?$", re.M)
_WHERE = re.compile(r" \[while running .*", re.S)
_SEPARATOR, _LOG_LEVEL = "--", "--default_sdk_harness_log_level"


def run(build: Callable[[beam.Pipeline], Any], runner: str, options: Sequence[str]) -> None:
    """Runs a pipeline to its end.

    Args:
        build: fills it.
        runner: name, as Beam knows it, or path of a class.
        options: of Beam and of the runner; those after ``--`` are not looked at.

    Raises:
        InputError: for options that Beam does not have, or what a worker has raised.
        OutputError: for other failures.
    """
    flags = _checked(runner, options)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    try:
        pipeline = beam.Pipeline(options=PipelineOptions(flags))
    except (ImportError, ValueError, AttributeError) as error:
        raise InputError(f"--runner {runner}: {error}") from None
    build(pipeline)
    result: Any = None
    try:
        result = pipeline.run()
        result.wait_until_finish()
    except Exception as error:
        raise _told(error, runner) from error
    finally:
        if hasattr(result, "client"):  # Dask's, which Beam leaves open
            result.client.close()


def _checked(runner: str, options: Sequence[str]) -> list[str]:
    options = list(options)
    cut = options.index(_SEPARATOR) if _SEPARATOR in options else len(options)
    mine, theirs = options[:cut], options[cut + 1 :]
    name = runner.lower()
    parser: Any = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    if name == _DASK:
        from apache_beam.runners.dask import dask_runner  # noqa: F401 - brings its options
    for one in PipelineOptions.__subclasses__():
        one._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(mine)
    if unknown:
        raise InputError(
            f"unrecognized arguments: {' '.join(unknown)}; those of a runner that Beam does not"
            " know stand after --"
        )
    if name == _DASK and not any(one.startswith(("--dask_npart", "--dask_part")) for one in mine):
        mine.append(f"--dask_npartitions={_PARTITIONS}")
    if not any(one.startswith(_LOG_LEVEL) for one in mine):
        mine.append(f"{_LOG_LEVEL}=CRITICAL")  # what fails is told in a line
    return [f"--runner={_RUNNERS.get(name, runner)}", _NO_PRISM, *mine, *theirs]


def _told(error: BaseException, runner: str) -> Exception:
    """The line of a worker, wherever it stands in what the runner makes of it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, InputError):
            return InputError(_WHERE.sub("", str(seen)))
        if found := _OURS.search(str(seen)):
            return InputError(found[1])
        seen = seen.__cause__ or seen.__context__
    lines = _WHERE.sub("", str(error)).strip().splitlines() or [""]
    return OutputError(f"{runner}: {type(error).__name__}: {lines[-1]}")
