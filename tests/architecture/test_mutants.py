"""The tool that plants faults says what the tests of a tiny package notice."""

import json
import textwrap

import pytest

from tests.fresh_process import run_python
from tests.mutants import explained, faults, project

CODE = '''
"""A toy; 1 + 1 in a docstring is no code."""

LIMIT = 2


def clip(value):
    """At most LIMIT."""
    if value > LIMIT:
        return LIMIT
    return value


def down(value):
    while value > 0:
        value -= 1
    return value * 1


def unseen(value):
    raise ValueError(f"nobody calls this {value + 1}")
'''
TESTS = """
from pathlib import Path

from toy.code import clip, down


def test_clip():
    assert [clip(value) for value in (1, 2, 3)] == [1, 2, 2]


def test_down():
    assert [down(value) for value in (-1, 3)] == [-1, 0]


def test_unreliable():
    down(-1)
    Path(RAN).touch(exist_ok=False)  # passes once, in whichever copy: while the map is made
"""


def mutants_of(code, **options):
    return faults.all_mutants("toy/code.py", textwrap.dedent(code).encode(), **options)


def changes(code, **options):
    return [mutant.change for mutant in mutants_of(code, **options)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What the tool says about the toy: its output, and the verdicts by change."""
    root = tmp_path_factory.mktemp("toy")
    for name, text in {
        "toy/__init__.py": "",
        "toy/code.py": CODE,
        "tests/__init__.py": "",
        "tests/code/__init__.py": "",
        "tests/code/test_code.py": TESTS.replace("RAN", repr(str(root / "ran"))),
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    output = run_python(
        f"""
from pathlib import Path
from tests.mutants.__main__ import main
from tests.mutants.explained import Explained
from tests.mutants.project import Project

toy = Project(Path({str(root)!r}), folders=("toy",), links={{}}, preload=())
entries = [
    Explained("toy/code.py", "if value > LIMIT:", "> -> >=", "at the limit both are the limit"),
    Explained("toy/code.py", "if value > LIMIT:", "> -> ==", "there is no such mutant"),
]
assert main(["--map"], toy) == 0
status = main(["--hang", "1", "--json", {str(root / "out.json")!r}], toy, entries, {{}})
print("status", status)
""",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",  # they take longer than all that the toy does
    )
    found = json.loads((root / "out.json").read_text())
    assert (root / "toy/code.py").read_text() == CODE
    return output, {(m["text"], m["change"]): m for m in found["mutants"]}, found["shares"]


@pytest.mark.slow  # as long as a small suite
def test_a_fault_is_found_by_the_test_of_its_line(run):
    _, verdicts, _ = run
    flipped = verdicts["if value > LIMIT:", "> -> <="]
    assert flipped["outcome"] == "killed"
    assert flipped["by"] == "tests/code/test_code.py::test_clip"
    assert flipped["known"] == 1
    early = verdicts["while value > 0:", "0 -> 1"]
    assert early["by"] == "tests/code/test_code.py::test_down"


@pytest.mark.slow  # as long as a small suite
def test_a_fault_on_a_line_that_runs_at_import_is_found(run):
    _, verdicts, _ = run
    assert verdicts["LIMIT = 2", "2 -> 3"]["outcome"] == "killed"


@pytest.mark.slow  # as long as a small suite
def test_what_changes_no_result_survives_or_is_explained(run):
    output, verdicts, _ = run
    unseen = verdicts[
        """raise ValueError(f"nobody calls this {value + 1}")""",
        """raise ValueError(f"nobody calls this {value + 1}") -> pass""",
    ]
    assert unseen["outcome"] == "survived"
    assert unseen["known"] == 0
    equal = verdicts["if value > LIMIT:", "> -> >="]
    assert equal["outcome"] == "explained"
    assert equal["by"] == "at the limit both are the limit"
    assert "no such mutant (any more): ('toy/code.py', 'if value > LIMIT:', '> -> ==')" in output


@pytest.mark.slow  # as long as a small suite
def test_a_loop_without_end_is_killed(run):
    _, verdicts, _ = run
    endless = verdicts["value -= 1", "value -= 1 -> pass"]
    assert endless["outcome"] == "killed"
    assert endless["by"] == "tests/code/test_code.py::test_down (it hung)"


@pytest.mark.slow  # as long as a small suite
def test_a_test_that_fails_on_the_code_as_it_is_counts_for_nothing(run):
    output, verdicts, _ = run
    assert verdicts["return value * 1", "* -> /"]["outcome"] == "survived"
    assert "counts for nothing: tests/code/test_code.py::test_unreliable" in output


@pytest.mark.slow  # as long as a small suite
def test_table_and_exit_code(run):
    output, verdicts, shares = run
    outcomes = [verdict["outcome"] for verdict in verdicts.values()]
    counts = [outcomes.count(name) for name in ("killed", "explained", "survived")]
    killed, marked, survived = counts
    share = killed / len(outcomes)
    assert f"| all    | {len(outcomes)}" in output
    row = output.partition("| all")[2].partition("\n")[0]
    cells = [cell.strip() for cell in row.strip("| ").split("|")]
    assert cells == [*map(str, (len(outcomes), killed, 0, marked, survived)), f"{share:.1%}"]
    assert shares == {"killed": share, "killed by fast tests": share}
    assert output.endswith(f"status {int(share < 0.9)}")
    assert share < 0.9  # the toy has a function without a test


def test_faults_of_each_kind():
    code = """
    def f(a, b, n):
        total = a + b * 2
        total += n
        if a and not b:
            return -total
        a.x = total
        call(a, b)
        return sorted(a[n:], axis=1) < 0.5
    """
    found = changes(code)
    for change in (
        "+ -> -", "* -> /", "2 -> 3", "2 -> 1", "total += n -> pass", "+= -> -=", "and -> or",
        "not b -> b", "a and not b -> not (a and not b)", "return -total -> pass",
        "-total -> total", "a.x = total -> pass", "call(a, b) -> pass", "a, b -> b, a",
        "n -> (n) + 1", "n -> (n) - 1", "1 -> 0", "< -> <=", "< -> >=", "0.5 -> 1.0",
    ):  # fmt: skip
        assert change in found


def test_left_alone():
    code = '''
    """Docstring 1."""
    from typing import TYPE_CHECKING
    from functools import lru_cache
    __all__ = ["a" + "b"]
    if TYPE_CHECKING:
        x = 1

    @lru_cache(maxsize=3)
    def f(a: "int | 1") -> "2":
        warn("text", 1)
        raise ValueError(f"{a + 1}", 2)

    class A:
        def __repr__(self):
            return 1 + 1
    '''
    assert changes(code) == [
        'warn("text", 1) -> pass',
        'raise ValueError(f"{a + 1}", 2) -> pass',
    ]
    assert changes("BLOCK = 256\nx = 7 // BLOCK\n", equal_paths={"BLOCK"}) == []


def test_mutants_are_python_with_as_many_lines():
    for file in ("tests/mutants/faults.py", "tests/mutants/sites.py"):
        source = (project.Project().root / file).read_bytes()
        lines = source.count(b"\n")
        for mutant in faults.all_mutants(file, source)[::20]:
            faulty = mutant.apply(source)
            assert faulty.count(b"\n") == lines
            assert faulty != source
            compile(faulty, file, "exec")


def test_the_seed_chooses():
    candidates = {name: mutants_of(CODE) for name in ("a.py", "b.py")}
    sizes = {"a.py": 30, "b.py": 10}

    def chosen(count, seed):
        return faults.choose(candidates, sizes, count, seed)

    assert chosen(8, 0) == chosen(8, 0)
    assert chosen(8, 0) != chosen(8, 1)
    assert len(chosen(8, 0)) == 8
    assert set(chosen(4, 0)) < set(chosen(8, 0))
    assert len(chosen(1000, 0)) == 2 * len(mutants_of(CODE))


def test_shares_follow_the_sizes():
    code = "\n".join(f"x{i} = {i} + 1" for i in range(40))
    candidates = {
        name: faults.all_mutants(name, code.encode()) for name in ("large.py", "small.py")
    }
    chosen = faults.choose(candidates, {"large.py": 30, "small.py": 10}, 20, "seed")
    assert [mutant.file for mutant in chosen].count("large.py") == 15
    assert len({(mutant.file, mutant.line) for mutant in chosen}) == 20  # no line twice


def test_explanations_have_reasons():
    for entry in explained.SURVIVORS:
        assert entry.reason
    for names in explained.EQUAL_PATHS.values():
        assert all(names.values())


def test_code_lines_leave_docstrings_out():
    assert faults.code_lines(b'"""Text."""\n\n\nx = 1\n# comment\ny = (1 +\n 2)\n') == 2
