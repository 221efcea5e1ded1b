"""A pickle that is a trap is refused soon, whatever it is and wherever the trap lies."""

import tempfile
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from graph_barlow_twins.pretrain.graph.datasets import load_dataset

from tests.graph.test_planetoid import write_planetoid
from tests.hostile import pickles
from tests.hostile.attempts import in_child, report


def read_all(cases):
    """Reports on each pickle, as a part of a data set that is right otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        write_planetoid(Path(folder))
        files = {part: Path(folder, f"ind.tiny.{part}") for part in ("graph", "allx")}
        right = {part: file.read_bytes() for part, file in files.items()}

        def read(part, content):
            files[part].write_bytes(content)
            try:
                load_dataset("planetoid:tiny", folder)
            finally:
                files[part].write_bytes(right[part])

        report((name, partial(read, "allx" if "csr" in name else "graph", c)) for name, c in cases)


def read_sample(step):
    """Reports on every step-th pickle of the catalogue."""
    read_all(islice(pickles.catalogue(), 0, None, step))


def check(call, at_least):
    found = in_child(f"from tests.hostile import pickles, test_pickles\ntest_pickles.{call}")
    assert not found["faults"]
    assert not found["accepted"]
    assert found["slowest"][0] < 2, found["slowest"]
    assert found["megabytes"] < 500
    assert found["count"] >= at_least


def test_traps_are_refused_soon_and_in_little_memory():
    check("read_sample(7)", at_least=100)


@pytest.mark.slow
def test_every_trap():
    check("read_sample(1)", at_least=700)
    check("read_all(pickles.long_programs())", at_least=10)
