"""The tree of errors, and what their messages say."""

import inspect
import pickle

import pytest

from llmrec import errors
from llmrec.errors import (
    BudgetExceeded,
    ChatError,
    ChatIncomplete,
    ChatRejected,
    ChatUnavailable,
    FormatRefused,
    IndexMismatch,
    InputError,
    LeakageError,
    LLMRecError,
    PromptError,
    RecordingMissing,
    ReplyInvalid,
    SettingsError,
)


def test_the_tree_is_as_drawn() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.lstrip(" │├└─").split(" ")[0]
        if line.startswith("    ") and name:
            depth = (len(line) - len(line.lstrip(" │├└─"))) // 4 - 1
            above[depth:] = [name]
            drawn[name] = above[depth - 1] if depth else "Exception"
    classes = inspect.getmembers(errors, inspect.isclass)
    written = {
        name: kind.__base__.__name__ for name, kind in classes if issubclass(kind, Exception)
    }
    assert drawn == written


@pytest.mark.parametrize(
    "error",
    [
        InputError("wrong"),
        SettingsError("wrong"),
        PromptError("wrong"),
        BudgetExceeded("wrong"),
        ChatError("wrong"),
        ChatUnavailable("wrong"),
        ChatRejected("wrong"),
        ChatIncomplete("wrong"),
        IndexMismatch("wrong"),
        LeakageError("wrong"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_says_what_is_wrong(error: LLMRecError) -> None:
    with pytest.raises(LLMRecError) as caught:
        raise error
    assert str(caught.value) == "wrong"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InputError("it is empty"), "it is empty"),
        (InputError("it is empty", path="r.csv"), "r.csv: it is empty"),
        (InputError("empty", path="r.csv", line=0), "r.csv, line 0 (counted from 0): empty"),
        (InputError("empty", line=7), "line 7 (counted from 0): empty"),
    ],
)
def test_an_input_error_says_where(error: InputError, message: str) -> None:
    assert str(error) == message


def test_an_input_error_keeps_its_parts(tmp_path: object) -> None:
    error = InputError("it is empty", path=tmp_path, line=3)
    assert (error.what, error.path, error.line) == ("it is empty", str(tmp_path), 3)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.what, again.path, again.line) == (
        str(error),
        error.what,
        error.path,
        error.line,
    )


def test_a_server_may_say_how_long_to_wait() -> None:
    assert ChatUnavailable("busy", 2.5).retry_after_s == 2.5
    assert ChatUnavailable("busy").retry_after_s is None


@pytest.mark.parametrize(
    ("status", "of_any_request"),
    [
        (None, False),
        (299, False),
        (300, True),
        (399, True),
        (400, False),
        (401, True),
        (402, True),
        (403, False),
        (404, True),
        (422, False),
        (429, True),
    ],
)
def test_some_refusals_are_of_any_request(status: int | None, of_any_request: bool) -> None:
    error = ChatRejected("no", status, {"error": "no"})
    assert (error.status, error.body, str(error)) == (status, {"error": "no"}, "no")
    assert error.of_any_request is of_any_request


def test_an_invalid_reply_is_kept_whole_and_shown_in_part() -> None:
    reply = "好" * 500
    error = ReplyInvalid("no JSON", reply)
    assert error.reply == reply
    assert str(error) == "no JSON; the reply begins '" + "好" * 120 + "'"


def test_missing_recordings_are_listed_before_what_to_do() -> None:
    error = RecordingMissing(["call 1", "call 2"], "record them without --replay")
    assert (error.missing, error.hint) == (("call 1", "call 2"), "record them without --replay")
    assert str(error) == "call 1\ncall 2\nrecord them without --replay"


@pytest.mark.parametrize(
    "error",
    [
        ReplyInvalid("no JSON", "reply"),
        RecordingMissing(["call 1"], "record it"),
        ChatUnavailable("busy", 2.5),
        ChatRejected("no such model", 404, {"error": "model"}),
        FormatRefused("no json_schema", 400),
    ],
)
def test_errors_travel_between_processes(error: LLMRecError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
