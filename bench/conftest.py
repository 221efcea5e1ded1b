"""pytest finds bench_*.py here, measures a chosen part of it, and does not name the host."""

import pytest

from .loss.contestants import use_all_cores


def pytest_addoption(parser):
    parser.addoption(
        "--all",
        action="store_true",
        help="bench/: measure every case, not only the chosen ones (many minutes)",
    )


def pytest_collect_file(file_path, parent):
    if file_path.name.startswith("bench_") and file_path.suffix == ".py":
        return pytest.Module.from_parent(parent, path=file_path)
    return None


@pytest.fixture(scope="session", autouse=True)
def all_cores():
    use_all_cores()


def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info.pop("node", None)
