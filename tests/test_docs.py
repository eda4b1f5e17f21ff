"""What the pages name is there: files, options, modules, systems."""

import importlib
import re
import shutil
from itertools import chain
from pathlib import Path

import click
import numpy as np
import pytest

from llmrec import Recommender, Review
from llmrec.cli import COMMANDS, llmrec, run
from llmrec.evaluation.baselines import SYSTEMS

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
OF_OTHERS = {"--help", "--quick"}  # click's, and a benchmark's


def named(page: Path) -> str:
    return page.name


def options_of(command: click.Command) -> set[str]:
    own = set(chain.from_iterable(parameter.opts for parameter in command.params))
    if isinstance(command, click.Group):
        return own.union(*map(options_of, command.commands.values()))
    return own


@pytest.fixture(scope="module")
def options() -> set[str]:
    context = click.Context(llmrec)
    commands = [llmrec, *(llmrec.get_command(context, name) for name in COMMANDS)]
    return OF_OTHERS.union(*(options_of(command) for command in commands if command))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_options_are_options_of_a_command(page: Path, options: set[str]) -> None:
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.read_text("utf-8"))) <= options


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_scripts_and_benchmarks_exist(page: Path) -> None:
    for name in re.findall(r"(?:scripts|benchmarks|tests)/[\w/]+\.py", page.read_text("utf-8")):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_modules_and_names_in_them_exist(page: Path) -> None:
    for name in re.findall(r"`llmrec\.([a-z_.]+)`", page.read_text("utf-8")):
        if name == "toml":
            continue
        found = importlib.import_module("llmrec")
        for part in name.split("."):
            if not hasattr(found, part):
                importlib.import_module(f"{found.__name__}.{part}")
            found = getattr(found, part)


def test_every_system_and_no_other_is_described() -> None:
    table = (ROOT / "docs" / "baselines.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([\w-]+)`", " ".join(rows))) == set(SYSTEMS)


def test_rooms_of_the_architecture_are_all_there_are() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    firsts = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    rooms = {name.rstrip("/") for name in re.findall(r"`([\w./]+)`", " ".join(firsts))}
    here = {path.name for path in (ROOT / "llmrec").iterdir() if path.name[0] not in "_."}
    assert rooms == here - {"py.typed"}


def test_the_results_begin_as_their_script_begins_them() -> None:
    script = (ROOT / "scripts" / "make_results.py").read_text("utf-8")
    introduction = script.partition('INTRODUCTION = """')[2].partition('"""')[0]
    assert introduction
    assert (ROOT / "docs" / "results.md").read_text("utf-8").startswith(introduction)


def test_models_of_ones_own_answer(demo: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "own_models.md").read_text("utf-8")
    server, own, embedder = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert not run(["index", str(demo / "items.jsonl"), "-o", "index", "--embedder", "lexical"])
    exec(compile(server, "own_models.md", "exec"), {})
    reply = '{"language": "en", "summary": "Likes films.", "interests": []}'
    names = {"answer": lambda messages: reply}
    exec(compile(own, "own_models.md", "exec"), names)
    recommender = names["recommender"]
    assert isinstance(recommender, Recommender)
    review = Review("u1", "A film.", review_id="r1")
    assert recommender.profile([review]).summary == "Likes films."
    assert '"my model"' in (tmp_path / "calls.jsonl").read_text("utf-8")
    shutil.copy(demo / "items.jsonl", tmp_path)
    names = {"encode": lambda texts, role: np.eye(len(texts), 64)}
    exec(compile(embedder, "own_models.md", "exec"), names)
    assert len(names["recommender"].recommend_for("quiet films")) == 10
