"""Tokens are counted and cut with the package's own vocabulary."""

import logging
import os
import shutil
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.errors import SettingsError
from llmrec.llm import tokens
from llmrec.llm.tokens import count_tokens, cut_to_tokens, say_if_unknown


@pytest.fixture
def unloaded() -> None:
    """Nothing of a vocabulary is in memory yet."""
    tokens._encoding.cache_clear()


@pytest.fixture
def vocabulary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unloaded: None) -> Path:
    """A copy of the vocabulary that the package then takes for its own."""
    copy = tmp_path / "vocabulary"
    shutil.copytree(tokens._VOCABULARY, copy)
    monkeypatch.setattr(tokens, "_VOCABULARY", copy)
    return copy


@pytest.mark.parametrize(
    ("text", "o200k_base", "cl100k_base"),
    [
        ("", 0, 0),
        ("hello world", 2, 2),
        ("tiktoken is great!", 6, 6),
        ("お誕生日おめでとう", 8, 9),
    ],
)
def test_tokens_are_those_of_the_encoding(text: str, o200k_base: int, cl100k_base: int) -> None:
    assert count_tokens(text) == o200k_base
    assert count_tokens(text, "cl100k_base") == cl100k_base


@pytest.mark.parametrize("special", ["<|endoftext|>", "<|endofprompt|>", "<|fim_prefix|>"])
@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
def test_special_tokens_in_a_text_are_text(special: str, encoding: str) -> None:
    assert count_tokens(special, encoding) > 3
    assert cut_to_tokens(f"{special} and more of it", 100) == f"{special} and more of it"


def test_a_text_within_the_limit_is_left_as_it_is() -> None:
    assert cut_to_tokens("hello world ", count_tokens("hello world ")) == "hello world "


@pytest.mark.parametrize(
    ("text", "max_tokens", "cut"),
    [
        ("hello world again", 2, "hello world"),
        ("hello world again", 1, "hello"),
        ("hello world again", 0, ""),
        ("hello\n\n\nworld", 2, "hello"),
        ("hello   world", 2, "hello"),
    ],
)
def test_a_longer_text_is_cut_to_its_beginning(text: str, max_tokens: int, cut: str) -> None:
    assert cut_to_tokens(text, max_tokens) == cut


@pytest.mark.parametrize("text", ["龘靐齉爩鱻麤龗灪吁", "🫠🪿👩‍🚀🏴󠁧󠁢󠁳󠁣󠁴󠁿🫥", "한글 쀍쀎 문장", "é̷͉̱ ᚠᛇᚻ"])
def test_no_cut_ends_in_half_a_character(text: str) -> None:
    whole = count_tokens(text)
    cuts = [cut_to_tokens(text, n) for n in range(whole)]
    assert all(text.startswith(cut) and "\ufffd" not in cut for cut in cuts)
    assert len(set(cuts)) < whole
    assert cut_to_tokens(text, whole) == text


@settings(deadline=None)
@given(st.text(), st.integers(min_value=0, max_value=40))
def test_a_cut_is_a_beginning_without_space_at_its_end(text: str, max_tokens: int) -> None:
    cut = cut_to_tokens(text, max_tokens)
    assert text.startswith(cut)
    assert (cut == text) or (cut == cut.rstrip() and count_tokens(text) > max_tokens)


def test_a_damaged_vocabulary_is_named_and_stays(vocabulary: Path) -> None:
    file = vocabulary / tokens._FILES["o200k_base"][0]
    damaged = bytearray(file.read_bytes())
    damaged[1000] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(SettingsError, match="damaged: install llmrec again") as wrong:
        count_tokens("hello")
    assert str(file) in str(wrong.value)
    assert file.read_bytes() == damaged
    assert count_tokens("hello", "cl100k_base") == 1


def test_a_missing_vocabulary_is_named(vocabulary: Path) -> None:
    file = vocabulary / tokens._FILES["cl100k_base"][0]
    file.unlink()
    with pytest.raises(SettingsError, match=file.name):
        count_tokens("hello", "cl100k_base")


@pytest.mark.parametrize("before", [None, "/somewhere/else"])
def test_tiktoken_reads_the_package_only_while_it_loads(
    before: str | None, unloaded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []
    load = tiktoken.get_encoding

    def watched(name: str) -> tiktoken.Encoding:
        seen.append(os.environ.get("TIKTOKEN_CACHE_DIR"))
        return load(name)

    monkeypatch.setattr(tiktoken, "get_encoding", watched)
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    if before is not None:
        monkeypatch.setenv("TIKTOKEN_CACHE_DIR", before)
    count_tokens("hello")
    count_tokens("world")
    assert seen == [str(tokens._VOCABULARY)]
    assert os.environ.get("TIKTOKEN_CACHE_DIR") == before


def test_that_an_encoding_is_not_a_model_s_own_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "llmrec")
    for model in ("our own model", "gpt-5-mini", "our own model"):
        say_if_unknown(model)
    assert [record.getMessage() for record in caplog.records] == [
        "tokens of our own model are counted with o200k_base: its own are not known here"
    ]
