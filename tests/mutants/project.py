"""What the tool needs to know of the code that it plants faults in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

# Everything that takes long to import and belongs to others, loaded once and inherited by all.
PRELOAD = (
    "hypothesis",
    "numpy",
    "scipy.sparse.csgraph",
    "scipy.stats",
    "scipy.linalg.cython_blas",
    "numba",
    "threadpoolctl",
    "sklearn.cluster",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.neighbors",
    "sklearn.preprocessing",
    "tensorflow",
    "tf_keras",
    "tensorflow_gnn",
    "tensorflow_gnn.runner",
    "tensorflow_gnn.models.contrastive_losses",
)
PACKAGES = ("reference", "kernels", "tfgnn_task", "pretrain")


@dataclass(frozen=True)
class Project:
    """A tree with code and tests.

    Attributes:
        root: the tree.
        folders: where faults are planted.
        tests: the folder of the tests; each folder in it is a room.
        links: names in a copy of the tree, and the paths that they stand for: they make the import
            root of a copy, found before the installed one.
        preload: modules to import once, before the first fork. None may start a thread.
    """

    root: Path = Path(__file__).resolve().parents[2]
    folders: tuple[str, ...] = ("reference", "kernels", "tfgnn_task")
    tests: str = "tests"
    links: dict[str, str] = field(
        default_factory=lambda: {
            "graph_barlow_twins/__init__.py": "namespace/__init__.py",
            **{f"graph_barlow_twins/{name}": name for name in PACKAGES},
        }
    )
    preload: tuple[str, ...] = PRELOAD

    @property
    def cache(self) -> Path:
        """The folder of the tool, outside of Git: the map from lines to tests, and copies."""
        return self.root / ".mutants"

    def sources(self) -> list[str]:
        """The files in which faults are planted, relative to the root."""
        found = (path for folder in self.folders for path in (self.root / folder).rglob("*.py"))
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def room_of(self, test: str) -> str:
        """The folder or file below `tests` that holds a test; `test` begins with its path."""
        inside = test.partition("::")[0].removeprefix(f"{self.tests}/")
        return inside.partition("/")[0]
