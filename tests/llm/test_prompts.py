"""Prompts are checked when they are loaded, and what users wrote is never looked into."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.digests import digest
from llmrec.errors import PromptError
from llmrec.llm.chat import Message
from llmrec.llm.prompts import Prompt, load_prompt
from llmrec.resources import resource_dir


def own_prompt(folder: Path, user: str, system: str = "Be brief.") -> Path:
    (folder / "greet.system.md").write_text(system, encoding="utf-8")
    (folder / "greet.user.md").write_text(user, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "placeholders"),
    [
        ("extract_profile", ["reviews"]),
        ("rerank", ["profile", "recent", "candidates"]),
        ("explain", ["profile", "items"]),
    ],
)
def test_packaged_prompts_have_their_placeholders(name: str, placeholders: list[str]) -> None:
    prompt = load_prompt(name, placeholders)
    system, user = prompt.messages(**{name: f"<<{name}>>" for name in placeholders})
    assert (system.role, user.role) == ("system", "user")
    assert all(f"<<{name}>>" in user.content for name in placeholders)
    assert "$" not in user.content


def test_a_folder_of_ones_own_takes_the_place_of_the_package(tmp_path: Path) -> None:
    prompt = load_prompt("greet", ["name"], own_prompt(tmp_path, "\nGreet ${name}, 早上好!\n\n"))
    assert prompt == Prompt("greet", "Be brief.", "Greet ${name}, 早上好!")
    assert prompt.messages(name="Ann") == (
        Message("system", "Be brief."),
        Message("user", "Greet Ann, 早上好!"),
    )


def test_digest_identifies_both_texts_and_nothing_else() -> None:
    prompt = Prompt("greet", "Be brief.", "Greet $name.")
    assert prompt.digest == digest(["Be brief.", "Greet $name."])
    assert prompt.digest == Prompt("other name", prompt.system, prompt.user).digest
    assert prompt.digest != Prompt("greet", "Be brief!", prompt.user).digest
    assert prompt.digest != Prompt("greet", prompt.system, "Greet $name!").digest


def test_digest_does_not_depend_on_line_ends(tmp_path: Path) -> None:
    for folder, end in (("unix", "\n"), ("windows", "\r\n")):
        own_prompt(tmp_path, f"Greet{end}$name{end}", f"Be{end}brief.{end}")
        (tmp_path / folder).mkdir()
        for part in ("system", "user"):
            name = f"greet.{part}.md"
            (tmp_path / folder / name).write_bytes((tmp_path / name).read_bytes())
    unix, windows = (load_prompt("greet", ["name"], tmp_path / f) for f in ("unix", "windows"))
    assert unix.digest == windows.digest


def test_two_dollars_are_one_and_the_system_message_is_no_template(tmp_path: Path) -> None:
    own_prompt(tmp_path, "$name has $$5", system="Costs $5 or $x.")
    system, user = load_prompt("greet", ["name"], tmp_path).messages(name="Ann")
    assert (system.content, user.content) == ("Costs $5 or $x.", "Ann has $5")


@pytest.mark.parametrize(
    ("user", "placeholders", "what"),
    [
        ("Greet $name and $other.", ["name"], r"placeholders \$name, came \$name, \$other$"),
        ("Greet them.", ["name"], r"expected the placeholders \$name, came none$"),
        ("Greet $Name.", ["name"], r"\$name, came \$Name$"),
        ("Greet $name.", [], r"expected the placeholders none, came \$name$"),
        ("Greet $name for $5.", ["name"], r"a '\$' that begins no name: write '\$\$'$"),
        ("Greet $name for ${.", ["name"], r"a '\$' that begins no name"),
        ("Greet $name for $", ["name"], r"a '\$' that begins no name"),
    ],
)
def test_wrong_placeholders_are_named_with_their_file(
    tmp_path: Path, user: str, placeholders: Collection[str], what: str
) -> None:
    with pytest.raises(PromptError, match=what) as wrong:
        load_prompt("greet", placeholders, own_prompt(tmp_path, user))
    assert str(wrong.value).startswith(f"{tmp_path / 'greet.user.md'}: ")


@pytest.mark.parametrize("part", ["system", "user"])
def test_a_missing_file_is_named(tmp_path: Path, part: str) -> None:
    own_prompt(tmp_path, "Greet $name.")
    (tmp_path / f"greet.{part}.md").unlink()
    with pytest.raises(PromptError, match=rf"greet\.{part}\.md: the prompt cannot be read"):
        load_prompt("greet", ["name"], tmp_path)


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    own_prompt(tmp_path, "Greet $name.")
    (tmp_path / "greet.user.md").write_bytes("Grüße $name".encode("latin-1"))
    with pytest.raises(PromptError, match=r"greet\.user\.md: the prompt cannot be read"):
        load_prompt("greet", ["name"], tmp_path)


@pytest.mark.parametrize("value", ["$reviews", "${x}", "$$", "$", "{reviews}", "%s", "\\1"])
def test_a_placeholder_in_what_a_user_wrote_is_data(value: str) -> None:
    prompt = load_prompt("extract_profile", ["reviews"])
    plain = prompt.messages(reviews="PLAIN")[1].content
    assert prompt.messages(reviews=value)[1].content == plain.replace("PLAIN", value)


@given(st.text(), st.text())
def test_any_value_is_filled_in_as_it_is(first: str, second: str) -> None:
    prompt = Prompt("pair", "", "$first|$second")
    assert prompt.messages(first=first, second=second)[1].content == f"{first}|{second}"


def test_the_package_has_no_prompt_that_nobody_checks() -> None:
    names = {path.name.split(".")[0] for path in resource_dir("prompts").glob("*.md")}
    assert names == {"extract_profile", "rerank", "rerank_facts", "explain"}


def test_a_value_that_is_missing_is_an_error() -> None:
    values: dict[str, Any] = {}
    with pytest.raises(KeyError, match="name"):
        Prompt("greet", "", "Greet $name.").messages(**values)
