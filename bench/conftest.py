"""pytest finds bench_*.py here, and saved runs do not name the host."""

import pytest

from .loss.contestants import use_all_cores


def pytest_collect_file(file_path, parent):
    if file_path.name.startswith("bench_") and file_path.suffix == ".py":
        return pytest.Module.from_parent(parent, path=file_path)
    return None


def pytest_sessionstart(session):
    use_all_cores()


def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info.pop("node", None)
