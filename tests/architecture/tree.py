"""The package as it is installed, made of links: tools that walk files see what Python imports.

An editable install maps each folder by itself, so there is no folder `graph_barlow_twins` to walk.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("reference", "kernels", "tfgnn_task", "pretrain")


def make_tree(folder):
    """Makes ``folder/graph_barlow_twins`` and returns the folder."""
    package = Path(folder) / "graph_barlow_twins"
    package.mkdir()
    for name in FOLDERS:
        (package / name).symlink_to(ROOT / name)
    for file in (ROOT / "namespace").iterdir():
        if file.is_file():
            (package / file.name).symlink_to(file)
    return Path(folder)
