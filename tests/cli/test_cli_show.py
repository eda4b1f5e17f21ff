"""``llmrec show``, and that other people's text is harmless on a terminal."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmrec.records.profile import Evidence, Interest, InterestProfile, Source

Llmrec = Callable[..., Any]

ESCAPES = "\x1b[31m\x1b]0;owned\x07\x9b2J\x00\x7f\x08"
TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def write(*profiles: InterestProfile) -> Path:
    path = Path("p.jsonl")
    path.write_text("".join(f"{profile.to_json()}\n" for profile in profiles), "utf-8")
    return path


def profile(user_id: str, *interests: Interest, text: str = "") -> InterestProfile:
    sources = (Source("r1", None, "2024-03-09", "d1", "R1"), Source("r2", None, None, "d2", "R2"))
    return InterestProfile(
        user_id=user_id,
        language=f"en{text}",
        summary=f"Likes the harbour.{text}",
        interests=interests,
        sources=sources,
    )


def interest(
    name: str, weight: float = 0.5, polarity: str = "like", *quotes: tuple[str, str]
) -> Interest:
    evidence = tuple(
        Evidence(review_id, "text", quote) for review_id, quote in quotes or [("r1", "gulls!")]
    )
    return Interest(name, polarity, weight, f"About {name}.", evidence)  # type: ignore[arg-type]


def hostile(text: str) -> InterestProfile:
    """A profile with the same text in all its parts."""
    one = interest(f"gulls{text}", 1.0, "like", ("r1", f"so{text}many"))
    return profile(f"u1{text}", one, text=text)


def test_a_profile_shows_its_summary_weights_and_dated_quotes(llmrec: Llmrec) -> None:
    gulls = interest("gulls", 0.8, "like", ("r1", "so many gulls"), ("r2", "gulls again"))
    done = llmrec("show", write(profile("u1", gulls, interest("ferries", 0.35, "dislike"))))
    assert (done.code, done.err) == (0, "")
    assert [line.rstrip() for line in done.out.splitlines()] == [
        "u1 (en)",
        "  Likes the harbour.",
        "",
        "  ████████░░ 0.80 like    gulls",
        f"{'':26}“so many gulls”  2024-03-09",
        f"{'':26}“gulls again”",
        "  ████░░░░░░ 0.35 dislike ferries",
        f"{'':26}“gulls!”  2024-03-09",
    ]


@pytest.mark.parametrize(("weight", "full"), [(1.0, 10), (0.5, 5), (0.04, 1), (0.001, 1)])
def test_a_bar_is_as_long_as_its_weight_and_never_empty(
    llmrec: Llmrec, weight: float, full: int
) -> None:
    out = llmrec("show", write(profile("u1", interest("gulls", weight)))).out
    assert f"  {'█' * full}{'░' * (10 - full)} " in out


def test_at_most_three_quotes_of_an_interest_are_shown(llmrec: Llmrec) -> None:
    quotes = [("r1", f"quote {n}") for n in range(5)]
    out = llmrec("show", write(profile("u1", interest("gulls", 0.5, "like", *quotes)))).out
    assert [n for n in range(5) if f"“quote {n}”" in out] == [0, 1, 2]


def test_a_quote_of_an_unknown_review_has_no_date(llmrec: Llmrec) -> None:
    one = interest("gulls", 0.5, "like", ("r9", "elsewhere"))
    out = llmrec("show", write(profile("u1", one))).out
    assert out.rstrip().endswith("“elsewhere”")


def test_a_profile_without_interests_says_so(llmrec: Llmrec) -> None:
    assert "  no interests" in llmrec("show", write(profile("u1"))).out


def test_profiles_stand_apart(llmrec: Llmrec) -> None:
    out = llmrec("show", write(profile("u1"), profile("u2"))).out
    assert "no interests\n\nu2 (en)" in out


def test_one_user_alone(llmrec: Llmrec, profiles: Path) -> None:
    out = llmrec("show", profiles, "--user", "u06").out
    assert out.startswith("u06 (en)")
    assert "u07" not in out


def test_an_unknown_user_is_refused(llmrec: Llmrec, profiles: Path) -> None:
    done = llmrec("show", profiles, "--user", "nobody")
    assert (done.code, done.out) == (2, "")
    assert "no profile of user 'nobody'" in done.err


def test_an_empty_file_shows_nothing(llmrec: Llmrec) -> None:
    assert llmrec("show", write()) == (0, "", "")


@pytest.mark.parametrize("content", ["{}\n", "not JSON\n"])
def test_what_is_no_profile_is_refused(llmrec: Llmrec, content: str) -> None:
    Path("p.jsonl").write_text(content, "utf-8")
    done = llmrec("show", "p.jsonl")
    assert done.code == 2
    assert "p.jsonl, line 0 (counted from 0)" in done.err


@pytest.mark.parametrize("command", ["show", "recommend"])
@pytest.mark.parametrize("text", [ESCAPES, TURNS], ids=["escapes", "turns"])
def test_other_peoples_text_does_not_steer_a_terminal(
    llmrec: Llmrec, command: str, text: str
) -> None:
    Path("items.jsonl").write_text(
        item_line("a", f"Salt{text} Road") + item_line("b", "Night Ferry"), "utf-8"
    )
    llmrec("index", "items.jsonl", "-o", "index", "--embedder", "lexical")
    path = write(hostile(text))
    options = [] if command == "show" else ["--index", "index", "--format", "table"]
    done = llmrec(command, path, *options)
    assert done.code == 0
    assert "gulls" in done.out
    assert [c for c in done.out if c in text and c.isprintable() is False] == []


def item_line(item_id: str, title: str) -> str:
    escaped = "".join(c if c.isalnum() or c == " " else f"\\u{ord(c):04x}" for c in title)
    return f'{{"item_id": "{item_id}", "title": "{escaped}"}}\n'


def test_a_typed_sentence_does_not_steer_a_terminal(llmrec: Llmrec) -> None:
    Path("items.jsonl").write_text(item_line("a", "Salt Road"), "utf-8")
    llmrec("index", "items.jsonl", "-o", "index", "--embedder", "lexical")
    asked = ["recommend", "--index", "index", "--like", f"gulls{ESCAPES}{TURNS}"]
    done = llmrec(*asked, "--format", "table")
    assert done.code == 0
    assert done.out.startswith("“gulls[31m")
    assert not set(done.out) & (set(ESCAPES + TURNS) - set("[31m]0;owned2J"))


def test_line_ends_in_other_peoples_text_make_no_lines(llmrec: Llmrec) -> None:
    calm, broken = hostile(" "), hostile("\n\r\n\u2028\x85\x1c")
    assert llmrec("show", write(broken)).out == llmrec("show", write(calm)).out


def test_markup_in_other_peoples_text_is_text(llmrec: Llmrec) -> None:
    out = llmrec("show", write(hostile("[red]not red[/red]"))).out
    assert "gulls[red]not red[/red]" in out
    assert "so[red]not red[/red]many" in out


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False), ({}, False)],
)
def test_colours_are_for_terminals_that_want_them(
    llmrec: Llmrec,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    coloured: bool,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    both = profile("u1", interest("gulls"), interest("ferries", 0.5, "dislike"))
    out = llmrec("show", write(both)).out
    assert ("\x1b[32m" in out) == coloured
    assert ("\x1b[31m" in out) == coloured


def test_escapes_do_not_pass_where_colours_do(
    llmrec: Llmrec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = llmrec("show", write(hostile("\x1b[35m\x1b[5m"))).out
    assert "\x1b[1m" in out
    assert "\x1b[35m" not in out
    assert "\x1b[5m" not in out


def shown_as(encoding: str, path: Path) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "llmrec", "show", str(path)],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
    )


def test_bars_can_be_drawn_without_unicode() -> None:
    done = shown_as("cp1252", write(profile("u1", interest("gulls", 0.3))))
    assert done.returncode == 0
    assert "  ###....... 0.30 like    gulls" in done.stdout.decode("cp1252")


def test_ascii_is_enough() -> None:
    assert shown_as("ascii", write(profile("u1", interest("gulls")))).returncode == 0
