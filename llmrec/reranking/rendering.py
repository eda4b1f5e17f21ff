"""Profile, recent items and candidates as the text of a prompt. docs/formats.md has the rules."""

import re
from collections.abc import Sequence

from llmrec.llm.tokens import cut_to_tokens
from llmrec.profiling.rendering import clean
from llmrec.records.profile import InterestProfile
from llmrec.records.reviews import Item

MAX_TITLE_CHARACTERS = 160
MAX_CATEGORIES = 8
MAX_CATEGORIES_CHARACTERS = 2_000
MAX_DESCRIPTION_TOKENS = 60
MAX_RECENT = 10

_LINE_ENDS = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_TAG = re.compile(r"<(\s*/?\s*(?:profile|recent|candidates|items))", re.IGNORECASE)


def candidate_labels(n: int) -> list[str]:
    """Return the ids of n candidates in a request: ``I1``, ``I2``…."""
    return [f"I{number}" for number in range(1, n + 1)]


def candidate_line(label: str, item: Item, facts: str = "") -> str:
    """Return an item as one line: facts about it, title, categories, description.

    Facts stand before all that other people wrote, which so cannot pretend to be facts.
    """
    parts = [
        _harmless(clean(item.title))[:MAX_TITLE_CHARACTERS],
        _harmless(clean(", ".join(item.categories[:MAX_CATEGORIES])))[:MAX_CATEGORIES_CHARACTERS],
        _cut(_harmless(clean(item.description))),
    ]
    known = f"({facts}) " if facts else ""
    return f"[{label}] {known}" + " | ".join(part for part in parts if part)


def profile_lines(profile: InterestProfile) -> str:
    """Return a profile as lines: the summary, then an interest each."""
    interests = [
        f"[P{n}] {interest.polarity} {interest.weight:g}: {one_line(interest.query)}"
        for n, interest in enumerate(profile.interests, 1)
    ]
    return "\n".join([f"Taste: {one_line(profile.summary)}", *interests])


def recent_lines(titles: Sequence[str]) -> str:
    """Return the titles of the most recent items, oldest first, a line each."""
    return "\n".join(
        f"- {_harmless(clean(title))[:MAX_TITLE_CHARACTERS]}" for title in titles[-MAX_RECENT:]
    )


def _cut(text: str) -> str:
    kept = cut_to_tokens(text, MAX_DESCRIPTION_TOKENS)
    return kept if kept == text else f"{kept} …"


def one_line(text: str) -> str:
    """Return what a model wrote of a person as one harmless line; it may quote the person."""
    return _harmless(_LINE_ENDS.sub(" ", text))


def _harmless(text: str) -> str:
    """Return a text that cannot close the tag it stands in, nor open another."""
    return _TAG.sub(r"(\1", text)
