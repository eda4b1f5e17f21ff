"""What a chat model is asked for: explanations of a few items for one person."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llmrec.llm.chat import ChatRequest, Message
from llmrec.llm.structured import json_schema_format, object_schema
from llmrec.records.profile import InterestProfile
from llmrec.reranking.explanation_checks import Refusal
from llmrec.reranking.rendering import one_line


def review_labels(profile: InterestProfile) -> dict[str, str]:
    """Return ``R1``… by review id, of the reviews that the profile's evidence is from.

    They are those of the request that made the profile; others get the numbers that are free.
    """
    shown = {source.review_id: source.shown for source in profile.sources}
    cited = dict.fromkeys(
        evidence.review_id for interest in profile.interests for evidence in interest.evidence
    )
    numbers = (f"R{n}" for n in range(1, len(shown) + len(cited) + 1))
    free = (label for label in numbers if label not in shown.values())
    return {review_id: shown.get(review_id) or next(free) for review_id in cited}


def evidence_lines(profile: InterestProfile, labels: Mapping[str, str]) -> str:
    """Return a profile as lines: its language, then each interest with what it rests on.

    Args:
        profile: of the person.
        labels: ``R1``… by review id.
    """
    lines = [f"Language: {one_line(profile.language)}"]
    for n, interest in enumerate(profile.interests, 1):
        lines.append(f"[P{n}] {interest.polarity} {interest.weight:g}: {one_line(interest.name)}")
        lines += [
            f'    [{labels[evidence.review_id]}] "{one_line(evidence.quote)}"'
            for evidence in interest.evidence
        ]
    return "\n".join(lines)


def explanations_format(labels: Sequence[str]) -> dict[str, Any]:
    """Return the ``response_format`` that asks for an explanation of each of these items."""
    text = {"type": "string"}
    one = {
        "item": {"type": "string", "enum": list(labels)},
        "text": text,
        "interests": {"type": "array", "items": text},
        "quotes": {"type": "array", "items": object_schema({"review": text, "quote": text})},
    }
    every = {"explanations": {"type": "array", "items": object_schema(one)}}
    return json_schema_format("explanations", object_schema(every))


def asked_again(request: ChatRequest, reply: str, refusals: Mapping[str, Refusal]) -> ChatRequest:
    """Return the follow-up that asks for what was refused, and says why.

    Args:
        request: that was answered.
        reply: the answer.
        refusals: by label of the item.
    """
    wrong = "\n".join(f"- {label}: {refusal}" for label, refusal in refusals.items())
    said = (
        Message("assistant", reply),
        Message(
            "user",
            f"These explanations cannot be used:\n{wrong}\n"
            "Write these anew, and no others, in one JSON object as before.",
        ),
    )
    return replace(
        request,
        messages=request.messages + said,
        response_format=explanations_format(list(refusals)),
        label=f"{request.label}/again",
    )
