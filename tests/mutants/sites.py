"""Where in a syntax tree a fault can be planted, and which.

Left out, because a fault there is none of what the code computes: docstrings, annotations, imports,
decorators (sizes of caches, options of compilers), texts of exceptions, warnings and logs, string
constants, ``__repr__``, and code for type checkers.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# Swaps of the same precedence: the text around the operator keeps its meaning.
_BINARY = {
    ast.Add: ("+", ["-"]),
    ast.Sub: ("-", ["+"]),
    ast.Mult: ("*", ["/"]),
    ast.Div: ("/", ["*"]),
    ast.FloorDiv: ("//", ["*", "%"]),
    ast.Mod: ("%", ["//"]),
    ast.Pow: ("**", ["*"]),
    ast.MatMult: ("@", ["*"]),
    ast.LShift: ("<<", [">>"]),
    ast.RShift: (">>", ["<<"]),
    ast.BitAnd: ("&", ["|"]),
    ast.BitOr: ("|", ["&"]),
    ast.BitXor: ("^", ["|"]),
}
_COMPARE = {
    ast.Lt: ("<", ["<=", ">="]),
    ast.LtE: ("<=", ["<", ">"]),
    ast.Gt: (">", [">=", "<="]),
    ast.GtE: (">=", [">", "<"]),
    ast.Eq: ("==", ["!="]),
    ast.NotEq: ("!=", ["=="]),
    ast.Is: ("is", ["is not"]),
    ast.IsNot: ("is not", ["is"]),
    ast.In: ("in", ["not in"]),
    ast.NotIn: ("not in", ["in"]),
}
_PAIRS = (
    "minimum maximum|min max|reduce_min reduce_max|argmin argmax|floor ceil|any all"
    "|reduce_any reduce_all|reduce_sum reduce_mean|sum mean|zeros ones|zeros_like ones_like"
    "|left_shift right_shift|less less_equal|greater greater_equal|equal not_equal"
    "|logical_and logical_or|left right|sqrt rsqrt|log exp"
)
_BUILTINS = {"min", "max", "any", "all"}
_NAMES = {a: b for pair in _PAIRS.split("|") for a, b in (pair.split(), pair.split()[::-1])}
# A swap of their arguments changes nothing, or is an error of types that any call shows.
_NO_SWAP = {
    "maximum",
    "minimum",
    "max",
    "min",
    "add",
    "multiply",
    "equal",
    "not_equal",
    "logical_and",
    "logical_or",
    "bitwise_xor",
    "xor",
    "isinstance",
    "issubclass",
    "getattr",
    "hasattr",
    "setattr",
    "squared_difference",
    "cast",
    "reshape",
    "fill",
    "full",
    "astype",
}
_TALK = {"warn", "debug", "info", "warning", "log", "print"}


@dataclass
class Site:
    """A place and a fault.

    Attributes:
        node: the node to replace; for an operator the one behind it.
        new: the text in its place, or a function of the old text.
        after: for an operator: the node before it.
        old: for an operator: the operator.
        until: the last node to replace, where there are several.
        statement: first and last line of the statement.
        function: first and last line of the innermost function.
    """

    node: ast.AST
    new: str | Callable[[str], str]
    after: ast.AST | None = None
    old: str = ""
    until: ast.AST | None = None
    statement: tuple[int, int] = (1, 1)
    function: tuple[int, int] = (1, 10**9)


def find(tree: ast.Module, equal_paths=()) -> Iterator[Site]:
    """All sites of a module; see `faults.all_mutants`."""
    yield from _block(tree.body, (1, 10**9), set(), frozenset(equal_paths))


def is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a docstring or the like."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _block(statements, function, assigned, equal_paths):
    for statement in statements:
        if _is_skipped(statement):
            continue
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _definition(statement, function, equal_paths)
            continue
        bodies = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
        bodies += [part.body for part in getattr(statement, "handlers", [])]
        bodies += [part.body for part in getattr(statement, "cases", [])]
        inside = {id(child) for body in bodies for child in body}
        parts = [
            child
            for child in ast.iter_child_nodes(statement)
            if id(child) not in inside and not isinstance(child, ast.excepthandler | ast.match_case)
        ]
        nodes = [node for part in parts for node in ast.walk(part)]
        last = max((getattr(node, "end_lineno", 0) for node in nodes), default=statement.lineno)
        span = (statement.lineno, last if any(bodies) else statement.end_lineno)
        names = [node for node in nodes if isinstance(node, ast.Name)]
        if not equal_paths.intersection(node.id for node in names):
            for site in _statement(statement, parts, assigned, function[1] == statement.end_lineno):
                site.statement, site.function = span, function
                yield site
        assigned |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        for body in bodies:
            yield from _block(body, function, assigned, equal_paths)


def _definition(node, function, equal_paths):
    if node.name in ("__repr__", "__str__"):
        return
    if isinstance(node, ast.ClassDef):
        yield from _block(node.body, function, set(), equal_paths)
        return
    own = (node.lineno, node.end_lineno)
    for default in (*node.args.defaults, *node.args.kw_defaults):
        if default is not None:
            for site in _expression(default):
                site.statement, site.function = (node.lineno, node.lineno), own
                yield site
    arguments = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
    yield from _block(node.body, own, arguments, equal_paths)


def _is_skipped(statement):
    if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass | ast.Global | ast.Nonlocal):
        return True
    if isinstance(statement, ast.Assign):
        return any(isinstance(t, ast.Name) and t.id.startswith("__") for t in statement.targets)
    if isinstance(statement, ast.If):
        return "TYPE_CHECKING" in ast.dump(statement.test)
    return is_text(statement)


def _statement(statement, parts, assigned, is_end):
    match statement:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Break():
            yield Site(statement, "pass")
        case ast.Continue():
            yield Site(statement, "break")
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield Site(statement, "pass")
        case ast.Assign(targets=[ast.Name(id=name)]) if name in assigned:
            yield Site(statement, "pass")
        case ast.Return() if not is_end:
            yield Site(statement, "pass")
    if isinstance(statement, ast.Raise):
        return
    if isinstance(statement, ast.AugAssign) and type(statement.op) in _BINARY:
        old, news = _BINARY[type(statement.op)]
        for new in news:
            yield Site(statement.value, f"{new}=", statement.target, f"{old}=")
    if isinstance(statement, ast.If | ast.While | ast.Assert):
        yield from _condition(statement.test)
    for part in parts:
        if isinstance(statement, ast.AnnAssign) and part is statement.annotation:
            continue
        yield from _expression(part)


def _condition(test):
    # A comparison and a `not` have faults of their own.
    single = isinstance(test, ast.Compare) and len(test.ops) == 1
    if not single and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
        yield Site(test, lambda text: f"not ({text})")


def _expression(node):
    match node:
        case ast.JoinedStr():
            return
        case ast.BinOp() if type(node.op) in _BINARY and not _joins_texts(node):
            old, news = _BINARY[type(node.op)]
            yield from (Site(node.right, new, node.left, old) for new in news)
        case ast.Compare():
            left = [node.left, *node.comparators]
            for before, operator, behind in zip(left, node.ops, node.comparators, strict=False):
                old, news = _COMPARE[type(operator)]
                yield from (Site(behind, new, before, old) for new in news)
        case ast.BoolOp():
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for before, behind in zip(node.values, node.values[1:], strict=False):
                yield Site(behind, new, before, old)
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            yield Site(node, _without_operator)
        case ast.IfExp():
            yield from _condition(node.test)
        case ast.comprehension():
            for test in node.ifs:
                yield from _condition(test)
        case ast.Constant():
            yield from _constant(node)
        case ast.Subscript():
            yield from _subscript(node.slice)
        case ast.Name(ctx=ast.Load()) if node.id in _NAMES and node.id in _BUILTINS:
            yield Site(node, _NAMES[node.id])
        case ast.Attribute(ctx=ast.Load()) if node.attr in _NAMES:
            old, new = node.attr, _NAMES[node.attr]
            yield Site(node, lambda text: text.removesuffix(old) + new)
        case ast.keyword(arg="axis", value=ast.Constant(value=int() as axis)):
            yield Site(node.value, "0" if axis else "1")
            return
        case ast.keyword(arg="side", value=ast.Constant(value="left" | "right" as side)):
            yield Site(node.value, repr(_NAMES[side]))
        case ast.Call():
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in _TALK:
                return
            yield from _arguments(node.args, name)
    for child in ast.iter_child_nodes(node):
        yield from _expression(child)


def _joins_texts(node):
    texts = (ast.JoinedStr, ast.List, ast.ListComp, ast.Tuple)
    return any(
        isinstance(side, texts) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def _without_operator(text):
    return " " + text.removeprefix("not").lstrip("-~ ")


def _constant(node):
    match node.value:
        case bool():
            yield Site(node, str(not node.value))
        case int():
            yield Site(node, str(node.value + 1))
            if node.value:
                yield Site(node, str(node.value - 1))
        case float():
            yield Site(node, repr(node.value * 2) if node.value else "1.0")


def _subscript(index):
    for part in index.elts if isinstance(index, ast.Tuple) else [index]:
        if isinstance(part, ast.Slice):
            for bound in (part.lower, part.upper):
                if bound is not None and not isinstance(bound, ast.Constant):
                    yield Site(bound, lambda text: f"({text}) + 1")
                    yield Site(bound, lambda text: f"({text}) - 1")
        elif isinstance(part, ast.Name) and len(part.id) <= 2:
            yield Site(part, lambda text: f"{text} - 1")


def _arguments(arguments, name):
    if len(arguments) < 2 or name in _NO_SWAP:
        return
    first, second = arguments[:2]
    plain = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
    if isinstance(first, plain) and isinstance(second, plain):
        texts = ast.unparse(first), ast.unparse(second)
        if texts[0] != texts[1] and not any("dtype" in text for text in texts):
            yield Site(first, f"{texts[1]}, {texts[0]}", until=second)
