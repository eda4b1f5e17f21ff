"""What reaches a terminal of what other people wrote."""

import logging

import pytest

from llmrec.cli import run
from llmrec.cli.terminal import say, visible

HOSTILE = "one\x1b[2Jtwo\u202ethree\x07\udc80\u2066four"


def test_a_text_is_shown_on_one_line_and_steers_nothing() -> None:
    assert visible(f" {HOSTILE}\nfive\tsix ") == "one[2Jtwothreefour five six"


def test_a_message_keeps_its_lines_and_steers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"error: {HOSTILE}\n    next")
    assert capsys.readouterr().err == "error: one[2Jtwothreefour\n    next\n"


def test_what_is_logged_steers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run(["show", "missing.jsonl"])
    logging.getLogger("llmrec.profiling").error("user %s: no profile", HOSTILE)
    assert capsys.readouterr().err.endswith("user one[2Jtwothreefour: no profile\n")
