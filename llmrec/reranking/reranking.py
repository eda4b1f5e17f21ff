"""Listwise reranking: one call a user over the shortlist, each reply made a permutation of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from llmrec.errors import ChatIncomplete, InputError, ReplyInvalid
from llmrec.llm.chat import ChatModel, ChatRequest, checked_sampling
from llmrec.llm.metering import MeteredChatModel
from llmrec.llm.prompts import Prompt
from llmrec.llm.structured import Asker, json_schema_format
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation, Repairs, ScoredItem
from llmrec.records.reviews import Item
from llmrec.reranking.facts import facts_of
from llmrec.reranking.options import DEFAULT_OPTIONS, RerankOptions
from llmrec.reranking.order import Repaired, fused, repaired, shown_order
from llmrec.reranking.rendering import (
    candidate_labels,
    candidate_line,
    profile_lines,
    recent_lines,
)

PROMPT_NAME = "rerank"
FACTS_PROMPT_NAME = "rerank_facts"
PLACEHOLDERS = ("profile", "recent", "candidates")

_FOLLOW_UPS = 1


@dataclass(frozen=True, slots=True)
class _Shown:
    """What requests about one list are made of; ``items`` in the order of the first stage."""

    user_id: str
    profile: str
    recent: str
    items: tuple[Item, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Pass:
    """An order of the whole list, what was put right, and the calls that gave no order."""

    places: list[int]
    repairs: Repairs
    calls: int
    failures: list[str]


class Reranker:
    """Puts lists in order with one chat model, one prompt and one catalogue.

    Whatever the model replies, a list keeps its items: the result is a permutation of it.

    Args:
        chat: answers the requests.
        model: the model's name in requests.
        prompt: with the placeholders ``$profile``, ``$recent`` and ``$candidates``.
        items: by id, all that stand in lists.
        options: how a list is shown and how often.
        n_users: by item id, how many people chose it: one of the facts; None if not known.
        sampling: further fields of each request (``temperature``, ``seed``…).

    Attributes:
        meter: counts calls and tokens.
    """

    def __init__(
        self,
        chat: ChatModel,
        model: str,
        prompt: Prompt,
        items: Mapping[str, Item],
        options: RerankOptions = DEFAULT_OPTIONS,
        n_users: Mapping[str, int] | None = None,
        sampling: Mapping[str, Any] | None = None,
    ) -> None:
        self.meter = MeteredChatModel(chat)
        self._asker = Asker(self.meter)
        self._model = model
        self._prompt = prompt
        self._items = items
        self._options = options
        self._n_users = n_users
        self._sampling = checked_sampling(sampling)

    async def rerank(
        self, listed: Recommendation, profile: InterestProfile, recent: Sequence[str]
    ) -> Recommendation:
        """Put a list in order.

        A reply with no usable id is asked for once more; then the order given stands, and the
        list says so.

        Args:
            listed: as the first stage ordered it.
            profile: of the user.
            recent: ids of the items the user chose, oldest first; the last ten that the catalogue
                has are shown.

        Raises:
            ChatUnavailable, ChatRejected: no answer came.
            InputError: an item is not in the catalogue.
            RecordingMissing: only recorded answers are allowed, and there is none.
        """
        if len(listed) < 2:
            return _unchanged(listed, "nothing to put in order")
        shown = self._shown(listed, profile, recent)
        passes = [await self._pass(shown, n) for n in range(1, self._options.passes + 1)]
        useful = [made for made in passes if len(made.failures) < made.calls]
        failures = [failure for made in passes for failure in made.failures]
        if not useful:
            return _unchanged(listed, f"no order came from the model: {failures[0]}")
        order = fused([made.places for made in useful], [1.0] * len(useful))
        weight = self._options.weight
        order = fused([order, range(len(listed))], [weight, 1 - weight])
        reason = listed.reason
        if failures:
            calls = sum(made.calls for made in passes)
            reason = _and(reason, f"{len(failures)} of {calls} calls gave no order: {failures[0]}")
        return replace(
            listed,
            reason=reason,
            reranked=True,
            repairs=sum((made.repairs for made in useful), Repairs()),
            recommendations=tuple(
                replace(listed[place], rank=rank) for rank, place in enumerate(order, 1)
            ),
        )

    def _shown(
        self, listed: Recommendation, profile: InterestProfile, recent: Sequence[str]
    ) -> _Shown:
        titles = [self._items[item_id].title for item_id in recent if item_id in self._items]
        return _Shown(
            user_id=profile.user_id,
            profile=profile_lines(profile),
            recent=recent_lines(titles),
            items=tuple(self._entry(item) for item in listed),
            facts=tuple(
                facts_of(item, self._n_users) if self._options.facts else "" for item in listed
            ),
        )

    def _entry(self, item: ScoredItem) -> Item:
        entry = self._items.get(item.item_id)
        if entry is None:
            raise InputError(f"item {item.item_id!r} of a list is not in the catalogue")
        return entry

    async def _pass(self, shown: _Shown, number: int) -> _Pass:
        """Go over the whole list once, window by window."""
        order = list(range(len(shown.items)))
        repairs, calls, failures = Repairs(), 0, []
        windows = list(_windows(len(order), self._options))
        left = len(windows) * (self._options.passes - number + 1)
        for window in windows:
            calls += 1
            part = order[window]
            try:
                found = await self._ordered(shown, part, number, followed_by=left - calls)
            except (ReplyInvalid, ChatIncomplete) as error:
                failures.append(str(error))
                continue
            order[window] = [part[place] for place in found.places]
            repairs += found.repairs
        return _Pass(order, repairs, calls, failures)

    async def _ordered(
        self, shown: _Shown, part: Sequence[int], number: int, followed_by: int
    ) -> Repaired:
        """Ask for the order of some items of the list, given in their order so far."""
        item_ids = [shown.items[place].item_id for place in part]
        order = shown_order(shown.user_id, item_ids, self._options.order, number)
        numbered = candidate_labels(len(part))
        label_of = dict(zip(order, numbered, strict=True))
        lines = [
            candidate_line(label, shown.items[part[place]], shown.facts[part[place]])
            for place, label in label_of.items()
        ]
        request = ChatRequest(
            model=self._model,
            messages=self._prompt.messages(
                profile=shown.profile, recent=shown.recent, candidates="\n".join(lines)
            ),
            response_format=json_schema_format("ranking", _schema(numbered)),
            sampling=self._sampling,
            label=f"{PROMPT_NAME}/{shown.user_id}",
            followed_by=followed_by,
        )
        labels = [label_of[place] for place in range(len(part))]
        answer = await self._asker.ask(
            request, partial(_parse, labels=labels), follow_ups=_FOLLOW_UPS
        )
        return answer.value


def _schema(labels: Sequence[str]) -> dict[str, Any]:
    order = {"type": "array", "items": {"type": "string", "enum": list(labels)}}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["order"],
        "properties": {"order": order},
    }


def _parse(text: str, labels: Sequence[str]) -> Repaired:
    replied = json.loads(text).get("order")
    if not isinstance(replied, list):
        raise ReplyInvalid('not an order: "order" with a list of ids is expected', text)
    found = repaired(replied, labels)
    if found.repairs.missing == len(labels):
        raise ReplyInvalid('not an order: no id of the list is in "order"', text)
    return found


def _windows(n: int, options: RerankOptions) -> Iterator[slice]:
    """Yield the parts of a list of n that one call takes each, from its end to its beginning."""
    size = options.window or n
    stride = options.stride or max(1, size // 2)
    end = n
    while end > size:
        yield slice(end - size, end)
        end -= stride
    yield slice(0, end)


def _unchanged(listed: Recommendation, reason: str) -> Recommendation:
    return replace(listed, reranked=False, reason=_and(listed.reason, reason))


def _and(reason: str | None, other: str) -> str:
    return f"{reason}; {other}" if reason else other
