"""The wire: what is sent, what is tried again and for how long, what an error says."""

import asyncio
import email.utils
import json
import time
import traceback
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import faults
from serving.openai_server import Answer, OpenAIServer, Script, completion
from wire import KEY, Waits, during, opened, question, reply

from llmrec.errors import ChatRejected, ChatUnavailable, FormatRefused, SettingsError
from llmrec.llm import openai_client, openai_connection
from llmrec.llm.limit_headers import retry_after_s
from llmrec.llm.openai_client import Server
from llmrec.llm.openai_errors import without_key
from llmrec.llm.server_settings import ServerSettings

TRIED_AGAIN = {
    "429": faults.busy(),
    "408": faults.refusal(408, "too slow"),
    "409": faults.refusal(409, "locked"),
    "500": faults.BROKEN,
    "503": faults.OVERLOADED,
    "page of a proxy": faults.PROXY_PAGE,
    "cut before": faults.CUT_BEFORE,
    "cut within": faults.CUT_WITHIN,
    "no JSON": faults.NO_JSON,
    "no object": faults.NO_OBJECT,
    "no choices": faults.NO_CHOICES,
    "an error in a 200": faults.ERROR_IN_200,
}
NEVER_TRIED_AGAIN = {
    "400": faults.TOO_LONG,
    "401": faults.WRONG_KEY,
    "402": faults.NO_MONEY,
    "403": faults.FORBIDDEN,
    "404": faults.WRONG_PATH,
    "413": faults.refusal(413, "too large"),
    "422": faults.refusal(422, "temperature is no number"),
    "quota": faults.NO_QUOTA,
    "redirect": faults.redirect("http://127.0.0.1:1/v1/chat/completions"),
}


def named(cases: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("fault", cases.values(), ids=cases.keys())


@pytest.fixture
def waits() -> Waits:
    return Waits()


# What is sent


def test_the_body_is_the_request_s_and_nothing_else(server: OpenAIServer) -> None:
    request = question(
        sampling={"temperature": 0, "max_completion_tokens": 9, "reasoning_effort": "low"},
        response_format={"type": "json_object"},
        label="of no concern",
    )
    reply(opened(server), request)
    (received,) = server.requests
    assert received.body == request.body
    assert (received.method, received.path) == ("POST", "/v1/chat/completions")


def test_no_sampling_is_sent_unless_set(server: OpenAIServer) -> None:
    reply(opened(server))
    assert server.requests[0].body.keys() == {"model", "messages"}


def test_characters_arrive_as_they_are(server: OpenAIServer) -> None:
    request = question("赋格 🪿 \u2028 “</review>” \0")
    reply(opened(server), request)
    assert server.requests[0].body == request.body


def test_the_key_goes_into_the_usual_header(server: OpenAIServer) -> None:
    reply(opened(server))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("query", ["", "?api-version=2024-10-21"])
def test_without_a_key_no_header_pretends_there_is_one(server: OpenAIServer, query: str) -> None:
    reply(opened(server, base_url=server.url + query, api_key=None))
    assert not {"authorization", "api-key"} & server.requests[0].headers.keys()


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("", "/chat/completions"),
        ("/api/openai/v1beta//", "/api/openai/v1beta/chat/completions"),
        ("/v1?tier=flex", "/v1/chat/completions?tier=flex"),
    ],
)
def test_base_urls_have_any_path(server: OpenAIServer, base: str, path: str) -> None:
    reply(opened(server, base_url=server.root + base))
    assert server.requests[0].path == path


@pytest.mark.parametrize("base", ["/openai", "/openai/deployments/tiny"])
def test_an_api_version_makes_it_an_azure_server(server: OpenAIServer, base: str) -> None:
    reply(opened(server, base_url=f"{server.root}{base}?api-version=2024-10-21&tier=flex"))
    (received,) = server.requests
    path, _, query = received.path.partition("?")
    assert path == "/openai/deployments/tiny/chat/completions"
    assert sorted(query.split("&")) == ["api-version=2024-10-21", "tier=flex"]
    assert received.headers["api-key"] == KEY
    assert "authorization" not in received.headers


@pytest.mark.parametrize("url", ["localhost:8080/v1", "ftp://localhost/v1", "http://", "v1", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="base URL"):
        Server(ServerSettings(url))


@pytest.mark.parametrize("url", ["http://me:hunter2@localhost/v1", "x://me:hunter2@a?hunter2"])
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="leave user and password out") as wrong:
        Server(ServerSettings(url))
    assert "hunter2" not in str(wrong.value)


@pytest.mark.parametrize("key", ["", f"{KEY}\n", f"{KEY} x", "schlüssel", "a\0b"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(SettingsError, match="from OPENAI_API_KEY: expected visible") as wrong:
        Server(ServerSettings("http://127.0.0.1/v1", api_key=key, key_source="OPENAI_API_KEY"))
    assert KEY not in str(wrong.value)


def test_one_server_serves_several_event_loops(server: OpenAIServer) -> None:
    way = opened(server)
    assert [reply(way).text() for _ in range(3)] == ["{}"] * 3


def test_closing_what_was_never_opened_does_nothing(server: OpenAIServer) -> None:
    asyncio.run(opened(server).aclose())


# What is tried again


@named(TRIED_AGAIN)
def test_a_passing_fault_is_tried_again(server: OpenAIServer, fault: Script, waits: Waits) -> None:
    server.script(fault, fault)
    assert reply(opened(server, waits)).text() == "{}"
    assert len(server.requests) == 3
    assert len(waits.seconds) == 2
    assert len({received.content for received in server.requests}) == 1


@named(TRIED_AGAIN)
def test_attempts_are_counted_exactly(server: OpenAIServer, fault: Script, waits: Waits) -> None:
    server.always(fault)
    with pytest.raises(ChatUnavailable, match="given up after 4 attempts"):
        reply(opened(server, waits, max_attempts=4))
    assert len(server.requests) == 4
    assert len(waits.seconds) == 3


def test_all_faults_in_a_row_count_as_attempts_of_one_call(server: OpenAIServer) -> None:
    server.script(*TRIED_AGAIN.values())
    assert reply(opened(server, max_attempts=len(TRIED_AGAIN) + 1)).text() == "{}"
    assert len(server.requests) == len(TRIED_AGAIN) + 1


@named(NEVER_TRIED_AGAIN)
def test_what_cannot_help_is_not_tried_again(
    server: OpenAIServer, fault: Script, waits: Waits
) -> None:
    server.always(fault)
    with pytest.raises(ChatRejected):
        reply(opened(server, waits))
    assert len([r for r in server.requests if r.method == "POST"]) == 1
    assert waits.seconds == []


def test_a_refusal_ends_a_row_of_passing_faults(server: OpenAIServer) -> None:
    server.script(faults.BROKEN, faults.busy(), faults.WRONG_KEY)
    with pytest.raises(ChatRejected, match="401"):
        reply(opened(server))
    assert len(server.requests) == 3


def test_a_slow_answer_is_a_timeout_and_tried_again(server: OpenAIServer) -> None:
    server.script(faults.SLOW)
    assert reply(opened(server, timeout_s=0.3)).text() == "{}"
    server.always(faults.SLOW)
    with pytest.raises(ChatUnavailable, match=r"no whole answer within 0\.3 s .*2 attempts"):
        reply(opened(server, timeout_s=0.3, max_attempts=2))


def test_an_answer_that_trickles_is_a_timeout_too(server: OpenAIServer) -> None:
    server.always(faults.SLOW)
    way = opened(server, timeout_s=0.3, max_attempts=1)

    async def never(client: openai.AsyncOpenAI) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ChatUnavailable, match="no whole answer"):
        during(way, lambda: way.call(never, "choices"))


def test_a_server_that_is_not_there_is_unavailable(server: OpenAIServer) -> None:
    with OpenAIServer() as gone:
        url = gone.url
    with pytest.raises(ChatUnavailable, match=rf"{url}: the connection failed \(\w+\)"):
        reply(opened(server, base_url=url))


# How long it waits


def http_date(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "0"}, 0),
        ({"retry_after": "-3"}, 0),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after_ms": "250", "retry_after": "1"}, 0.25),
        ({"retry_after_ms": "soon", "retry_after": "2"}, 2),
        ({"retry_after": http_date(-100)}, 0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_it_is_asked_to(
    server: OpenAIServer, waits: Waits, headers: dict[str, str], seconds: float, status: int
) -> None:
    server.script(faults.refusal(status, "later", **headers))
    reply(opened(server, waits))
    assert waits.seconds == [seconds]


def test_it_waits_until_the_date_it_is_given(server: OpenAIServer, waits: Waits) -> None:
    server.script(faults.busy(retry_after=http_date(60)))
    reply(opened(server, waits))
    assert 50 < waits.seconds[0] <= 60


@pytest.mark.parametrize("date", ["Wed, 21 Oct 2015 07:28:00 -0000", "Wed, 21 Oct 2015 07:28:00"])
def test_a_date_without_a_zone_is_utc(date: str) -> None:
    assert retry_after_s({"retry-after": date}) == 0


@given(st.text(), st.text())
def test_no_header_is_too_strange(after: str, after_ms: str) -> None:
    asked = retry_after_s({"retry-after": after, "retry-after-ms": after_ms})
    assert asked is None or asked >= 0


def test_else_it_waits_longer_each_time(server: OpenAIServer, waits: Waits) -> None:
    server.always(faults.BROKEN)
    with pytest.raises(ChatUnavailable):
        reply(opened(server, waits, first_wait_s=1, max_attempts=9))
    bounds = [min(2**n, 30) for n in range(8)]
    assert all(0 <= s <= bound for s, bound in zip(waits.seconds, bounds, strict=True))


@pytest.mark.parametrize("asked", ["301", "86400", "inf"])
def test_it_does_not_wait_longer_than_it_may(
    server: OpenAIServer, waits: Waits, asked: str
) -> None:
    server.always(faults.busy(retry_after=asked))
    with pytest.raises(ChatUnavailable, match=r"after 1 attempt, it asks to wait"):
        reply(opened(server, waits, max_wait_s=300))
    assert waits.seconds == []


def test_all_waits_together_are_bounded(server: OpenAIServer, waits: Waits) -> None:
    server.always(faults.busy(retry_after="40"))
    with pytest.raises(ChatUnavailable, match="after 3 attempts"):
        reply(opened(server, waits, max_attempts=99, max_wait_s=100))
    assert waits.seconds == [40, 40]


def test_each_wait_is_said(server: OpenAIServer, caplog: pytest.LogCaptureFixture) -> None:
    server.script(faults.busy(retry_after="2"))
    with caplog.at_level("INFO", "llmrec"):
        reply(opened(server))
    (said,) = caplog.messages
    assert said.startswith("attempt 1: ")
    assert said.endswith("once more in 2.0 s")
    assert "429: Rate limit reached" in said


# What an error says


def message(server: OpenAIServer, answer: Script, **settings: Any) -> str:
    server.script(answer)
    with pytest.raises(ChatRejected) as wrong:
        reply(opened(server, **settings))
    return str(wrong.value)


def test_a_wrong_key_is_named_by_its_variable(server: OpenAIServer) -> None:
    said = message(server, faults.WRONG_KEY)
    assert "401: the server refuses the key from OPENAI_API_KEY: check it" in said
    assert "Incorrect API key provided" in said


def test_a_missing_key_says_what_to_set(server: OpenAIServer) -> None:
    said = message(server, faults.WRONG_KEY, api_key=None)
    assert "the server asks for a key: set OPENAI_API_KEY or LLMREC_API_KEY" in said


@pytest.mark.parametrize(
    "answer",
    [
        faults.WRONG_MODEL,
        faults.refusal(404, "No such deployment", "DeploymentNotFound"),
        faults.refusal(400, "Model huge not found"),
        Answer(404, {"detail": "model 'huge' does not exist"}),
        Answer(404, b"unknown model: huge"),
    ],
)
def test_a_wrong_model_lists_those_there_are(server: OpenAIServer, answer: Answer) -> None:
    assert message(server, answer).endswith("; the server offers small, tiny")


def test_many_models_are_cut_short() -> None:
    with OpenAIServer(models=[f"m{n:02}" for n in range(23)]) as server:
        said = message(server, faults.WRONG_MODEL)
    assert "the server offers m00, m01" in said
    assert said.endswith("m19 and 3 more")


@pytest.mark.parametrize("models", [faults.BROKEN, faults.NO_JSON, faults.CUT_BEFORE])
def test_a_server_that_lists_no_models_is_asked_only_once(
    server: OpenAIServer, models: Answer
) -> None:
    server.script(faults.WRONG_MODEL, models)
    with pytest.raises(ChatRejected, match=r"404: The model 'huge' does not exist \(.*\)$"):
        reply(opened(server))
    assert [received.path for received in server.requests] == ["/v1/chat/completions", "/v1/models"]


@pytest.mark.parametrize("answer", [faults.TOO_LONG, faults.NO_TEMPERATURE])
def test_not_every_word_of_models_is_about_a_wrong_one(
    server: OpenAIServer, answer: Answer
) -> None:
    message(server, answer)
    assert len(server.requests) == 1


def test_a_wrong_path_asks_about_the_base_url(server: OpenAIServer) -> None:
    assert "is the base URL whole? Most end in /v1" in message(server, faults.WRONG_PATH)


def test_a_used_up_quota_is_not_a_full_minute(server: OpenAIServer) -> None:
    assert "the quota is used up, waiting does not help" in message(server, faults.NO_QUOTA)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(418, b""), "418: nothing was said"),
        (Answer(418, {"error": "a teapot"}), "418: a teapot"),
        (Answer(418, {"error": {"type": "teapot"}}), '418: {"type": "teapot"}'),
        (Answer(418, ["teapot"]), "418: ['teapot']"),
        (Answer(418, b"x" * 999), "418: " + "x" * 300),
    ],
)
def test_whatever_a_server_says_is_passed_on(
    server: OpenAIServer, answer: Answer, said: str
) -> None:
    assert message(server, answer) == f"{server.url}: {said}"


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_refused_format_is_an_error_of_its_own(server: OpenAIServer, status: int) -> None:
    server.script(faults.refusal(status, "response_format json_schema is unavailable now"))
    with pytest.raises(FormatRefused) as wrong:
        reply(opened(server))
    assert wrong.value.status == status
    assert wrong.value.body["error"]["message"].startswith("response_format")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: OpenAIServer, status: int) -> None:
    with OpenAIServer() as elsewhere:
        said = message(server, faults.redirect(f"{elsewhere.url}/chat/completions", status))
        assert elsewhere.requests == []
    assert f"{status}: redirected to {elsewhere.url}/chat/completions, not followed" in said


def test_a_redirect_to_nowhere_is_not_followed_either(server: OpenAIServer) -> None:
    assert "redirected to elsewhere" in message(server, Answer(307))


# The key


@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500])
@pytest.mark.parametrize("key", [KEY, "short/1", 'with"quote\\and/more-1234'])
def test_no_error_repeats_the_key(
    server: OpenAIServer, status: int, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.always(faults.echoing(status=status))
    with (
        caplog.at_level("DEBUG", "llmrec"),
        pytest.raises((ChatRejected, ChatUnavailable)) as wrong,
    ):
        reply(opened(server, api_key=key, max_attempts=2))
    body = getattr(wrong.value, "body", None)
    told = [str(wrong.value), repr(wrong.value), repr(body), json.dumps(body)]
    told += [r.getMessage() for r in caplog.records if r.name.startswith("llmrec")]
    told += traceback.format_exception(wrong.value)
    assert not any(key in text for text in told)


def test_an_answer_does_not_hold_the_key(server: OpenAIServer) -> None:
    server.script(faults.echoing(status=200))
    assert reply(opened(server)).text() == "Bearer …"
    server.always(Answer(body=f"no JSON {KEY}".encode()))
    with pytest.raises(ChatUnavailable, match="no JSON …"):
        reply(opened(server, max_attempts=1))


def test_a_short_key_may_be_a_word_of_the_answer(server: OpenAIServer) -> None:
    server.script(Answer(body=completion("ollama is a server")))
    assert reply(opened(server, api_key="ollama")).text() == "ollama is a server"


def test_nothing_shows_the_key(server: OpenAIServer) -> None:
    way = opened(server)
    assert KEY not in repr(way) + repr(way.settings) + str(way.settings) + way.address


JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON)
def test_only_the_key_is_taken_out(value: Any) -> None:
    assert without_key(value, None) == value
    assert KEY not in repr(without_key([value, KEY, {KEY: f"x{KEY}"}], KEY))
    assert without_key(value, KEY) == value


def test_openai_s_own_retries_are_off(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[openai.AsyncOpenAI] = []

    def noting(settings: ServerSettings, address: str) -> openai.AsyncOpenAI:
        made.append(openai_connection.opened(settings, address))
        return made[-1]

    monkeypatch.setattr(openai_client, "opened", noting)
    reply(opened(server))
    assert [client.max_retries for client in made] == [0]


def test_models_are_named_in_order(server: OpenAIServer) -> None:
    way = opened(server)
    assert during(way, way.models) == ["small", "tiny"]
