"""Files, vocabulary and packages of this machine."""

import re
from pathlib import Path

import pytest
from doctor_runs import Doctor

from llmrec.llm import tokens


def test_a_call_log_that_cannot_be_used_has_failed(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("notes.txt").write_text("not a log\n", "utf-8")
    assert "notes.txt, line 0" in doctor("--calls", "notes.txt")["call log"]["found"]
    done = doctor("--calls", "no/calls.jsonl")
    assert (done.code, done.failed) == (1, ["call log"])
    assert done["call log"]["found"] == "no/calls.jsonl: there is no folder no"
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert doctor("--calls", "new")["call log"]["found"] == "new: . cannot be written to"
    Path("calls.jsonl").touch()
    done = doctor("--calls", "calls.jsonl")
    assert done["call log"]["found"] == "calls.jsonl: cannot be written to"


def test_a_damaged_vocabulary_has_failed(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmrec.llm.tokens._VOCABULARY", Path("nowhere"))
    monkeypatch.setattr("llmrec.llm.tokens._encoding", tokens._encoding.__wrapped__)
    done = doctor()
    assert (done.code, done.failed) == (1, ["tokens"])
    assert "the token vocabulary is damaged: install llmrec again" in done["tokens"]["found"]


def test_packages_that_are_not_installed_are_named(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmrec.doctor.places._PACKAGES", ("numpy", "not-a-package"))
    found = doctor()["versions"]["found"]
    assert re.fullmatch(r"Python [\d.]+\w*, numpy [\d.]+, not-a-package not installed", found)
