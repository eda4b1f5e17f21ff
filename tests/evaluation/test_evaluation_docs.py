"""The Python block of docs/evaluation.md does what it says."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs" / "evaluation.md"


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(block, str(DOCS), "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith("('eve',) Interval(mean=0.605")
    assert "p_value=0.5" in printed
