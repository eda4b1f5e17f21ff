"""A request has one body and one id; a reply gives its text or says why there is none."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exchanges import answered, asked
from hypothesis import given
from hypothesis import strategies as st

from llmrec.errors import ChatIncomplete, SettingsError
from llmrec.llm.chat import ChatReply, ChatRequest, Message, Usage, checked_sampling

FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": {}}}


def test_body_holds_model_messages_format_and_sampling_only() -> None:
    request = ChatRequest(
        "tiny",
        (Message("system", "Be brief."), Message("user", "Why is moss soft?")),
        response_format=FORMAT,
        sampling={"temperature": 0, "seed": 3},
        label="for people",
    )
    assert request.body == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Why is moss soft?"},
        ],
        "response_format": FORMAT,
        "temperature": 0,
        "seed": 3,
    }


@pytest.mark.parametrize("fields", [None, {}, {"temperature": 0, "seed": 3}])
def test_sampling_fields_stay_as_they_are(fields: dict[str, int] | None) -> None:
    assert checked_sampling(fields) == (fields or {})


@pytest.mark.parametrize("name", ["model", "messages", "response_format", "stream"])
def test_what_is_asked_of_whom_is_no_sampling(name: str) -> None:
    with pytest.raises(SettingsError, match=f"such as temperature are expected, came {name}$"):
        checked_sampling({"temperature": 0, name: None})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_request_has_finite_numbers(value: float) -> None:
    with pytest.raises(SettingsError, match="finite numbers are expected, not so temperature"):
        checked_sampling({"seed": 1, "temperature": value})


def test_body_leaves_out_what_is_not_set() -> None:
    assert asked().body.keys() == {"model", "messages"}


@given(st.text(), st.dictionaries(st.sampled_from(["temperature", "top_p", "seed"]), st.integers()))
def test_custom_id_is_the_documented_formula(text: str, sampling: dict[str, int]) -> None:
    request = asked(text, sampling=sampling, response_format=FORMAT)
    canonical = json.dumps(
        ["/v1/chat/completions", request.body],
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    expected = hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:24]
    assert request.custom_id == expected


def test_custom_id_never_changes() -> None:
    assert asked("Où est la fugue ? 赋格").custom_id == "d5eea3ab2f8dfd2a78342d4b"


def test_custom_id_is_that_of_every_recorded_demo_call(demo: Path) -> None:
    lines = [
        json.loads(line)
        for name in ("extract_profile", "rerank", "explain")
        for line in (demo / f"{name}.jsonl").read_text("utf-8").splitlines()
    ]
    requests = [
        ChatRequest(
            line["body"]["model"],
            tuple(Message(**message) for message in line["body"]["messages"]),
            line["body"]["response_format"],
        )
        for line in lines
    ]
    assert [r.custom_id for r in requests] == [line["custom_id"] for line in lines]


def test_custom_id_depends_on_no_order_of_keys_and_on_no_label() -> None:
    one = asked(response_format=FORMAT, sampling={"seed": 1, "top_p": 0.5}, label="one")
    other = asked(
        response_format=dict(reversed(FORMAT.items())), sampling={"top_p": 0.5, "seed": 1}
    )
    assert one.custom_id == other.custom_id


@pytest.mark.parametrize(
    "change",
    [
        {"model": "tiny-2"},
        {"messages": (Message("system", "What is a fugue?"),)},
        {"messages": (Message("user", "What is a fugue? "),)},
        {"response_format": FORMAT},
        {"sampling": {"temperature": 0}},
    ],
)
def test_custom_id_depends_on_all_that_decides_the_answer(change: dict[str, Any]) -> None:
    assert replace(asked(), **change).custom_id != asked().custom_id


def test_text_is_the_content_of_the_first_choice() -> None:
    assert answered("Two voices, one theme.").text() == "Two voices, one theme."


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (answered("", message={"refusal": "I would rather not."}).body, "refused: 'I would"),
        (answered("half a sen", finish_reason="length").body, "cut off at the output limit"),
        (answered("", finish_reason="content_filter").body, "content filter withheld"),
        (answered("", message={"content": None}, finish_reason="tool_calls").body, "tool_calls"),
        (answered("", message={"content": [{"type": "text"}]}).body, "no text"),
        (answered("", message=None).body, "no text"),
        ({"choices": []}, "no text"),
        ({}, "no text"),
    ],
)
def test_text_of_an_incomplete_reply_says_what_is_wrong(body: dict[str, Any], why: str) -> None:
    with pytest.raises(ChatIncomplete, match=why):
        ChatReply(body).text()


def test_a_long_refusal_is_shortened() -> None:
    reply = answered("", message={"refusal": "no " * 1000})
    with pytest.raises(ChatIncomplete) as refused:
        reply.text()
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (answered("yes").body, Usage(7, 3)),
        ({"usage": {"prompt_tokens": 9}}, None),
        ({"usage": None}, None),
        ({}, None),
    ],
)
def test_usage_is_what_the_server_counted(body: dict[str, Any], usage: Usage | None) -> None:
    assert ChatReply(body).usage == usage


def test_usages_add_up() -> None:
    assert Usage(1, 2) + Usage(10, 20) == Usage(11, 22)
