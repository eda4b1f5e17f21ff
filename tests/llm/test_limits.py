"""When attempts begin: evenly, in turn, not before the server wants them, never after a stop."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import faults
from serving.openai_server import Answer, OpenAIServer, completion
from wire import Waits, during, opened, question, reply

from llmrec.errors import ChatUnavailable, SettingsError, Stopped
from llmrec.llm.embedding_requests import embedding_roles
from llmrec.llm.limits import RateLimiter
from llmrec.llm.openai_chat import OpenAIChatModel
from llmrec.llm.openai_client import Server
from llmrec.llm.openai_embedder import OpenAIEmbedder


@pytest.fixture
def waits() -> Waits:
    return Waits()


def begun(waits: Waits, limiter: RateLimiter, *amounts: float) -> list[float]:
    """Take these amounts, all at once, and return when each may begin."""

    async def one(amount: float) -> float:
        async with limiter.attempt(amount):
            return waits.now

    async def whole() -> list[float]:
        return await asyncio.gather(*map(one, amounts))

    return asyncio.run(whole())


async def begin(limiter: RateLimiter, max_pause_s: float = math.inf) -> None:
    async with limiter.attempt(max_pause_s=max_pause_s):
        pass


def test_without_limits_nobody_waits(waits: Waits) -> None:
    assert begun(waits, waits.limiter(), *[1e9] * 50) == [0] * 50
    assert waits.seconds == []


@pytest.mark.parametrize("per_min", [0.5, 6, 90, 600, 60_000])
def test_requests_are_as_many_as_a_minute_allows(waits: Waits, per_min: float) -> None:
    n = int(3 * per_min) + 5
    times = begun(waits, waits.limiter(requests_per_min=per_min), *[0] * n)
    a_second = max(1, int(per_min / 60))
    assert n - a_second <= per_min * times[-1] / 60 <= n / 0.96
    for first, later in zip(times, times[a_second:], strict=False):
        assert later - first > a_second / per_min * 60


def test_who_was_busy_for_a_moment_catches_up_within_the_second(waits: Waits) -> None:
    limiter = waits.limiter(requests_per_min=600)
    begun(waits, limiter, *[0] * 30)
    evenly = begun(waits, limiter, 0, 0)
    waits.now += 0.5
    *caught_up, last = begun(waits, limiter, *[0] * 20)
    assert evenly[1] - evenly[0] <= 0.5 / 0.97 + 0.06
    assert last - evenly[1] == pytest.approx(2 / 0.97, abs=0.06)
    assert min(b - a for a, b in pairwise(caught_up)) == pytest.approx(0.05 / 0.97)


def test_tokens_are_as_many_as_a_minute_allows(waits: Waits) -> None:
    times = begun(waits, waits.limiter(tokens_per_min=6000), *[700] * 40)
    assert 700 * 39 / 6000 * 60 - 1 <= times[-1] <= 700 * 39 / (0.96 * 6000) * 60
    assert times == sorted(times)


@given(
    st.lists(st.floats(0, 900), min_size=1, max_size=40),
    st.floats(1, 1000),
    st.floats(1000, 1e6),
)
def test_no_minute_has_more_than_its_limit_and_a_burst(
    amounts: list[float], requests: float, tokens: float
) -> None:
    waits = Waits()
    limiter = waits.limiter(requests_per_min=requests, tokens_per_min=tokens)
    times = begun(waits, limiter, *amounts)
    assert times == sorted(times)  # first come first served, large or small
    for first, start in enumerate(times):
        within = [n for n, time in enumerate(times) if n >= first and time < start + 60]
        assert len(within) <= max(1, requests / 60) + requests
        used = sum(amounts[n] for n in within)
        assert used <= tokens / 60 + tokens + max(amounts) + 1e-3


def test_a_large_request_is_not_starved_by_small_ones(waits: Waits) -> None:
    times = begun(waits, waits.limiter(tokens_per_min=60_000), 50_000, *[100] * 50)
    assert times[0] < 0.2
    assert 49 < times[1] < 52


def test_a_request_larger_than_a_minute_is_a_clear_error(waits: Waits) -> None:
    limiter = waits.limiter(tokens_per_min=1000)
    with pytest.raises(SettingsError, match=r"about 1,001 tokens is larger than what --tpm 1,000"):
        begun(waits, limiter, 1001)
    assert begun(waits, limiter, 1000)[0] < 0.2


def test_what_was_not_used_is_given_back_and_what_was_missing_is_owed(waits: Waits) -> None:
    limiter = waits.limiter(tokens_per_min=60_000)  # 970 a second

    async def answered(takes: float, used: float | None) -> float:
        async with limiter.attempt(takes) as attempt:
            attempt.answered(used)
            return waits.now

    began = asyncio.run(answered(9_700, 0))
    assert asyncio.run(answered(0, 9_700)) == began
    assert asyncio.run(answered(97, None)) == pytest.approx(began + 9.1)
    assert asyncio.run(answered(970, 970)) == pytest.approx(began + 10.1, abs=0.2)


def test_after_a_refusal_one_goes_first_and_then_more_and_more(waits: Waits) -> None:
    limiter, most, done = waits.limiter(), list[int](), 0

    async def refused() -> None:
        async with limiter.attempt() as attempt:
            await asyncio.sleep(0)
            attempt.refused(limited=True)

    async def answered() -> None:
        nonlocal done
        async with limiter.attempt() as attempt:
            most.append(limiter._under_way)
            await asyncio.sleep(0.001)
            attempt.answered(None)
            done += 1

    async def whole() -> None:
        await asyncio.gather(*(refused() for _ in range(20)))
        await asyncio.gather(*(answered() for _ in range(63)))

    asyncio.run(whole())
    assert done == 63
    assert max(most) > 8
    assert sorted(most[:10]) == most[:10]


def at_once_after(waits: Waits, *outcomes: str) -> int:
    """Return how many of 12 may begin at once, after attempts that ended so, one by one."""
    limiter, most = waits.limiter(), 0

    async def ended(outcome: str) -> None:
        async with limiter.attempt() as attempt:
            if outcome == "answered":
                attempt.answered(None)
            else:
                attempt.refused(limited=outcome == "refused")

    async def begun() -> None:
        nonlocal most
        async with limiter.attempt():
            most = max(most, limiter._under_way)
            await asyncio.sleep(0.01)

    async def whole() -> None:
        for outcome in outcomes:
            await ended(outcome)
        await asyncio.gather(*(begun() for _ in range(12)))

    asyncio.run(whole())
    return most


def test_one_refusal_among_many_answers_is_an_accident(waits: Waits) -> None:
    assert at_once_after(waits, *["answered"] * 20, "refused") == 12
    assert at_once_after(waits, *["answered"] * 19, "refused") == 1
    assert at_once_after(waits, *["answered"] * 20, "refused", "refused") == 1
    assert at_once_after(waits, *["other error"] * 5) == 12


def test_room_grows_quickly_to_where_it_was_halved_and_then_slowly(waits: Waits) -> None:
    quickly = at_once_after(waits, "refused", *["answered"] * 4)
    slowly = at_once_after(waits, "answered", "refused", *["answered"] * 4)
    assert (quickly, slowly) == (5, 3)


# What a server asks


def test_a_pause_holds_for_everybody_and_the_longest_counts(waits: Waits) -> None:
    limiter = waits.limiter()
    limiter.pause(7)
    limiter.pause(2)
    assert limiter.paused_s == 7
    assert begun(waits, limiter, 0, 0, 0) == [7, 7, 7]
    assert limiter.paused_s == 0


def test_a_pause_that_comes_during_a_wait_holds_too(waits: Waits) -> None:
    limiter = waits.limiter()

    async def sleep(seconds: float) -> None:
        if waits.now == 0:
            limiter.pause(9)
        await Waits.sleep(waits, seconds)

    limiter._sleep = sleep
    limiter.pause(3)
    assert begun(waits, limiter, 0) == [9]


def test_a_pause_that_is_too_long_is_not_waited_for(waits: Waits) -> None:
    limiter = waits.limiter()
    limiter.pause(301)
    with pytest.raises(ChatUnavailable) as wrong:
        asyncio.run(begin(limiter, 300))
    assert wrong.value.retry_after_s == 301
    assert waits.seconds == []


def concurrently(way: Server, n: int) -> None:
    """Ask a server n questions at once."""
    chat = OpenAIChatModel(way)

    async def whole() -> None:
        await asyncio.gather(*(chat.reply(question(f"{n}?")) for n in range(n)))

    during(way, whole)


def test_what_one_caller_is_told_slows_all(server: OpenAIServer, waits: Waits) -> None:
    way = opened(server, waits)
    server.script(faults.busy(retry_after="5"))
    reply(way)
    assert waits.now == 5
    limited = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "3s"}
    server.script(Answer(body=completion("{}"), headers=limited))
    reply(way)
    assert waits.now == 5
    reply(way)
    assert waits.now == 8


def test_a_refusal_without_retry_after_says_with_its_reset_when(
    server: OpenAIServer, waits: Waits
) -> None:
    reset = {"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "1m30s"}
    server.script(faults.busy(**reset), faults.busy(**reset, retry_after="2"))
    reply(opened(server, waits))
    assert waits.seconds == [90, 2]


def test_a_far_reset_is_no_refusal(server: OpenAIServer, waits: Waits) -> None:
    limited = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "8h"}
    server.always(Answer(body=completion("{}"), headers=limited))
    way = opened(server, waits, max_wait_s=100)
    reply(way)
    reply(way)
    assert waits.now == 100


def test_a_long_wait_that_one_is_told_ends_all(server: OpenAIServer, waits: Waits) -> None:
    server.always(faults.busy(retry_after="3600"))
    way = opened(server, waits)
    for _ in range(3):
        with pytest.raises(ChatUnavailable, match=r"after 1 attempt, it asks to wait 3600 s"):
            reply(way)
    assert (len(server.requests), waits.seconds) == (1, [])


# Tokens of calls


def limited(server: OpenAIServer, waits: Waits, tokens_per_min: float) -> Server:
    way = opened(server, waits)
    way.limiter = waits.limiter(tokens_per_min=tokens_per_min)
    return way


def test_a_call_takes_what_the_server_counted(server: OpenAIServer, waits: Waits) -> None:
    way = limited(server, waits, 6_000)  # 97 a second
    server.always(Answer(body=completion("{}") | {"usage": {"total_tokens": 97}}))
    for n in range(5):
        reply(way)
        assert waits.now <= n + 12
    assert waits.now == pytest.approx(4, abs=1.1)


def test_a_reply_is_expected_to_be_as_long_as_those_before(
    server: OpenAIServer, waits: Waits
) -> None:
    chat = OpenAIChatModel(limited(server, waits, 1e9))
    assert chat._expected_tokens(question("What is a fugue?")) == 1000 + 6
    usage = {"prompt_tokens": 5, "completion_tokens": 100, "total_tokens": 105}
    server.always(Answer(body=completion("{}") | {"usage": usage}))
    during(chat._server, lambda: chat.reply(question()))
    assert chat._expected_tokens(question("What is a fugue?")) == 550 + 6


def test_refused_tokens_are_given_back(server: OpenAIServer, waits: Waits) -> None:
    way = limited(server, waits, 6_000)
    server.script(*[faults.busy(retry_after_ms="10")] * 3)
    reply(way)
    assert waits.now < 1


def test_a_call_larger_than_a_minute_fails_before_it_is_made(
    server: OpenAIServer, waits: Waits
) -> None:
    with pytest.raises(SettingsError, match="--tpm"):
        reply(limited(server, waits, 900))
    assert server.requests == []


def test_embedding_passes_the_limiter_too(server: OpenAIServer, waits: Waits) -> None:
    way = limited(server, waits, 60)
    embedder = OpenAIEmbedder(way, embedding_roles("tiny"))
    during(way, lambda: embedder.embed(["a fugue"], "query"))
    during(way, lambda: embedder.embed(["a fugue"], "query"))
    assert 3 < waits.now < 7  # five tokens at one a second
    assert len(server.requests) == 2


# A stop


def stopped_during(limiter: RateLimiter, *waiting: Callable[[], Awaitable[None]]) -> list[object]:
    """Stop while all of these wait, and return how they end."""

    async def whole() -> list[object]:
        tasks = [asyncio.ensure_future(wait()) for wait in waiting]
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in tasks)
        limiter.stop()
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(asyncio.wait_for(whole(), 10))


def test_a_stop_ends_every_wait() -> None:
    limiter = RateLimiter(requests_per_min=1)
    asyncio.run(begin(limiter))
    ended = stopped_during(limiter, *[lambda: begin(limiter)] * 3, lambda: limiter.sleep(999))
    assert [type(error) for error in ended] == [Stopped] * 4


def test_after_a_stop_nothing_begins(waits: Waits) -> None:
    limiter = waits.limiter()
    limiter.stop()
    for work in (begin(limiter), limiter.sleep(1)):
        with pytest.raises(Stopped):
            asyncio.run(work)
    assert waits.seconds == []


def test_a_stop_ends_the_wait_for_retry_after(server: OpenAIServer) -> None:
    server.always(faults.busy(retry_after="200"))
    way = opened(server)
    way.limiter = RateLimiter()

    async def whole() -> None:
        task = asyncio.create_task(OpenAIChatModel(way).reply(question()))
        while not server.requests or not way.limiter._waiting:
            await asyncio.sleep(0.01)
        way.limiter.stop()
        with pytest.raises(Stopped):
            await task

    during(way, whole)
    assert len(server.requests) == 1


def test_who_is_cancelled_while_waiting_leaves_the_turn_to_the_next() -> None:
    limiter = RateLimiter(requests_per_min=6000)
    limiter.pause(0.05)

    async def whole() -> None:
        first, second = (asyncio.create_task(begin(limiter)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        await asyncio.wait_for(second, 5)

    asyncio.run(whole())


def test_many_questions_at_once_are_limited_together(server: OpenAIServer, waits: Waits) -> None:
    way = opened(server, waits)
    way.limiter = waits.limiter(requests_per_min=60)
    concurrently(way, 8)
    assert waits.now == pytest.approx(7 / 0.97)
