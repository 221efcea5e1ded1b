"""Fixtures of the tests of options."""

import pytest


@pytest.fixture
def toml(tmp_path):
    """Writes a TOML file and returns its path."""

    def write(content):
        path = tmp_path / "run.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write
