"""What is loaded before anything is asked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmrec import Item, Recommender
from llmrec.cli import _WITHOUT_NUMPY, COMMANDS

HEAVY = ["numpy", "openai", "pydantic", "rich", "scipy", "sklearn", "tiktoken"]


def loaded_after(code: str) -> list[str]:
    """Return which heavy packages a new process has loaded after running some code."""
    report = f"import json, sys; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


@pytest.mark.parametrize(
    "code",
    [
        "from llmrec.cli import run; assert run(['--help']) == 0",
        "from llmrec.cli import run; assert run(['--version']) == 0",
        "import llmrec",
        "import llmrec; llmrec.InputError",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code: str) -> None:
    assert loaded_after(code) == []


def test_heavy_packages_are_seen_where_they_are_loaded() -> None:
    assert loaded_after("import llmrec; llmrec.cosine") == ["numpy"]


def test_looking_things_up_in_recordings_loads_no_embedder() -> None:
    assert "sklearn" not in loaded_after("import llmrec; llmrec.Recommender")


def test_an_index_of_this_machine_opens_no_server(tmp_path: Path) -> None:
    items = [Item("a", "A film"), Item("b", "A book")]
    Recommender.index(items, tmp_path / "index", embedder="lexical")
    ask = f"llmrec.Recommender.open({str(tmp_path / 'index')!r}).recommend_for('film')"
    seen = "print('tenacity' in sys.modules, 'llmrec.llm.openai_client' in sys.modules)"
    code = (
        "import os, sys, llmrec; os.environ['OPENAI_API_KEY'] = 'sk-of-nobody'\n"
        f"{ask}; {seen}; llmrec.open_server(llmrec.ServerChoice()); {seen}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\nTrue True\n"


def test_the_package_is_what_it_was_asked_for_by_name() -> None:
    code = "import llmrec; from llmrec import Review; assert llmrec.Review is Review"
    assert "pydantic" in loaded_after(code)


def collected_after(code: str) -> list[bool]:
    """Return what a new process says after running some code that begins with the collector off."""
    code = f"import gc, json, weakref; from llmrec import cli; gc.disable()\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said: list[bool] = json.loads(done.stdout)
    return said


def test_the_garbage_collector_is_left_as_it_was_by_a_command() -> None:
    code = (
        "cli.flags_of('show'); off = gc.isenabled()\n"
        "gc.enable(); cli.flags_of('split'); print(json.dumps([off, gc.isenabled()]))"
    )
    assert collected_after(code) == [False, True]


def test_a_command_that_is_imported_already_keeps_no_garbage() -> None:
    code = (
        "class Ring: pass\n"
        "cli.flags_of('show'); ring = Ring(); ring.itself = ring; still = weakref.ref(ring)\n"
        "del ring; cli.flags_of('show'); gc.collect()\n"
        "print(json.dumps([gc.get_freeze_count() > 0, still() is None]))"
    )
    assert collected_after(code) == [True, True]


@pytest.mark.parametrize("name", COMMANDS)
def test_numpy_is_imported_first_where_a_command_needs_it_and_nowhere_else(name: str) -> None:
    by_itself = loaded_after(f"import llmrec.cli.{name}")
    assert ("numpy" in by_itself) == (name not in _WITHOUT_NUMPY)
    assert loaded_after(f"from llmrec.cli import run; run(['{name}', '-h'])") == by_itself
