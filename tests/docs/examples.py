"""What the tests of examples in the pages of docs/ share."""

import ast
import importlib


def assert_names_exist(code):
    """The code is Python, and what it takes from this package is there."""
    aliases = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("graph_barlow_twins"):
            module = importlib.import_module(node.module)
            assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("graph_barlow_twins") and alias.asname:
                    aliases[alias.asname] = importlib.import_module(alias.name)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = aliases.get(node.value.id)
            assert module is None or hasattr(module, node.attr), ast.unparse(node)
