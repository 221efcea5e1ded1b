"""The example of docs/theory/corruption.md runs as it stands."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "theory" / "corruption.md"


def test_two_view_example(capsys):
    (example,) = re.findall(
        r"<!-- ci: corruption example -->\n```python\n(.*?)```", PAGE.read_text(), re.S
    )
    exec(compile(example, str(PAGE), "exec"), {})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["0", "1", "2"]
    # Pairs of directions go together.
    assert all(int(line[1]) in (0, 2, 4, 6) for line in lines)
