"""The package as it is installed, made of links: tools that walk files see what Python imports.

An editable install maps each folder by itself, so there is no folder `graph_barlow_twins` to walk.
"""

from bench.against.trees import FOLDERS, package_of
from bench.machine import ROOT

__all__ = ["FOLDERS", "ROOT", "make_tree"]


def make_tree(folder):
    """Makes ``folder/graph_barlow_twins`` and returns the folder."""
    return package_of(ROOT, folder)
