"""Explanations without a model: put together from the profile and the item's entry."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from llmrec.errors import InputError
from llmrec.profiling.rendering import clean
from llmrec.records.profile import Interest, InterestProfile
from llmrec.records.ranking import Because, Explanation, Quote, Recommendation, ScoredItem
from llmrec.records.reviews import Item
from llmrec.records.writing import main_script
from llmrec.reranking.phrases import Phrases, phrases_of
from llmrec.reranking.quoting import part_of
from llmrec.reranking.terms import terms

EXPLAINED = 3
"""How many items of a list are explained, unless somebody says otherwise."""

MAX_CHARACTERS = 160
"""Of the person's words, and of the entry's, in an explanation."""

_MAIN_SHARE = 0.5
_WORDS_OF_LIKES = "profile-tfidf"
_SENTENCE = re.compile(r"[^.!?。！？]+(?:[.!?。！？]+[”’」』)）]*)?")
_FULL_STOPS = ".。 "


def explain_composed(
    listed: Recommendation,
    profile: InterestProfile,
    items: Mapping[str, Item],
    k: int = EXPLAINED,
) -> Recommendation:
    """Explain the first k items of a list without a model, from what is known.

    Args:
        listed: best first.
        profile: of the user.
        items: by id, all that stand in lists or were reviewed.
        k: how many items.

    Raises:
        InputError: an item of the list is not in the catalogue.
    """
    explained = (
        replace(item, explanation=compose(item, profile, items))
        for item in listed.recommendations[:k]
    )
    return replace(listed, recommendations=(*explained, *listed.recommendations[k:]))


def compose(scored: ScoredItem, profile: InterestProfile, items: Mapping[str, Item]) -> Explanation:
    """Say why an item may suit a person: which interest, what they wrote, what its entry says.

    The interest is the one that brought most of the score, else the one that shares most words
    with the entry. A fit is called weak where the score is no better than that of items on average,
    or where the entry is in the script of the interest and has no word of its name; where only
    other parts brought the score, that is said of the interest.

    Args:
        scored: the item, as the matching scored it.
        profile: of the person.
        items: by id, the item and those reviewed.

    Raises:
        InputError: the item is not in the catalogue.
    """
    item = entry_of(scored.item_id, items)
    phrases = phrases_of(profile.language)
    interest = _interest(scored, profile, item)
    sentences = list(_because([one for one in scored.because if one.part], phrases))
    names: tuple[str, ...] = ()
    quotes: tuple[Quote, ...] = ()
    if interest is None:
        sentences.append(phrases.unknown)
    else:
        names, quotes = (interest.name,), _quotes(interest, item)
        sentences.append(_wrote(interest, quotes, profile, items, phrases))
    sentences.append(_says(item, interest, phrases))
    sentences += _doubts(scored, interest, item, phrases)
    return Explanation(phrases.between.join(sentences), "composed", names, quotes)


def entry_of(item_id: str, items: Mapping[str, Item]) -> Item:
    """Return an item's entry.

    Raises:
        InputError: there is none.
    """
    if item_id not in items:
        raise InputError(f"item {item_id!r} of a list is not in the catalogue")
    return items[item_id]


def _interest(scored: ScoredItem, profile: InterestProfile, item: Item) -> Interest | None:
    """Return the like that brought most of the score, else the nearest by words, or None."""
    likes = {interest.name: interest for interest in profile.likes}
    brought = (likes[because.name] for because in scored.because if because.name in likes)
    entry = _text(item)
    by_words = sorted(likes.values(), key=lambda like: (_n_shared(like, entry), like.weight))
    nearest = by_words[-1] if by_words else None
    return next(brought, nearest)


def _text(item: Item) -> str:
    return "\n".join((item.title, *item.categories, item.description))


def _n_shared(interest: Interest, text: str) -> int:
    """Count the terms of an interest that a text has, those of its name twice."""
    found = terms(text)
    return len(found & terms(interest.query)) + len(found & terms(interest.name))


def _doubts(
    scored: ScoredItem, interest: Interest | None, item: Item, phrases: Phrases
) -> Iterator[str]:
    """Yield what speaks against the fit, at most one sentence."""
    if scored.score is not None and scored.score <= 0:
        yield phrases.unmatched
    elif interest is not None and _is_unnamed(interest, item):
        yield phrases.unnamed
    elif interest is not None and scored.because and not any(map(_is_of_likes, scored.because)):
        yield phrases.aside


def _is_of_likes(because: Because) -> bool:
    return because.part is None or because.part == _WORDS_OF_LIKES


def _is_unnamed(interest: Interest, item: Item) -> bool:
    entry = _text(item)
    if main_script(entry) != main_script(interest.name):
        return False
    return terms(entry).isdisjoint(terms(interest.name))


def _quotes(interest: Interest, item: Item) -> tuple[Quote, ...]:
    """Return what the person wrote of an interest, the words nearest to the entry, if any."""
    entry = terms(_text(item))
    nearest = sorted(interest.evidence, key=lambda evidence: -len(terms(evidence.quote) & entry))
    parts = (part_of(evidence, _beginning(evidence.quote)) for evidence in nearest)
    return tuple(part for part in parts if part is not None)[:1]


def _wrote(
    interest: Interest,
    quotes: tuple[Quote, ...],
    profile: InterestProfile,
    items: Mapping[str, Item],
    phrases: Phrases,
) -> str:
    said = quotes[0] if quotes else interest.evidence[0]
    source = next((s for s in profile.sources if s.review_id == said.review_id), None)
    reviewed = items.get(source.item_id or "") if source else None
    template = phrases.wrote if quotes else phrases.chose
    return template.substitute(
        interest=clean(interest.name),
        quote=clean(said.quote),
        of_item=phrases.of_item.substitute(title=clean(reviewed.title)) if reviewed else "",
        on_date=phrases.on_date.substitute(date=source.date) if source and source.date else "",
    )


def _says(item: Item, interest: Interest | None, phrases: Phrases) -> str:
    """Return the sentence of the entry that has most words of the interest, else its first."""
    pieces = [*_SENTENCE.findall(clean(item.description)), clean(", ".join(item.categories))]
    pieces = [piece for piece in pieces if piece.strip(_FULL_STOPS)]
    if not pieces:
        return phrases.bare
    best = pieces[0]
    if interest is not None:
        best = max(pieces, key=lambda piece: _n_shared(interest, piece))
    whole = best.strip(_FULL_STOPS)
    kept = _beginning(whole)
    return phrases.entry.substitute(fragment=kept if kept == whole else f"{kept}…")


def _because(parts: Sequence[Because], phrases: Phrases) -> Iterator[str]:
    """Yield what parts of the score mean, the largest first: at most one sentence."""
    meant = dict.fromkeys(
        phrases.parts.get(one.name) or phrases.any_part.substitute(part=one.name) for one in parts
    )
    if meant:
        template = phrases.mainly if parts[0].share >= _MAIN_SHARE else phrases.partly
        yield template.substitute(parts=phrases.also.join(meant))


def _beginning(text: str) -> str:
    """Return a text without its full stop, or as much of it as may be quoted, in whole words."""
    if len(text) <= MAX_CHARACTERS:
        return text.rstrip(_FULL_STOPS) or text
    kept = text[:MAX_CHARACTERS]
    between = kept.rfind(" ")
    return kept[:between] if between > MAX_CHARACTERS // 2 else kept
