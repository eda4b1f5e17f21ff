"""What one profile gives away about the reviews that are held out of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from llmrec.evaluation.findings import Leak
from llmrec.evaluation.held_out import HeldOut
from llmrec.evaluation.near_copy import MIN_SHARED, RUN_CHARACTERS, NearCopy, find_near_copy, runs
from llmrec.profiling.rendering import clean
from llmrec.records.profile import InterestProfile
from llmrec.records.reviews import Review


@dataclass(frozen=True, slots=True)
class ProfileFindings:
    """What was found in one profile.

    Attributes:
        leaks: held-out reviews that it has seen.
        titles: of held-out items that it names though the history does not.
        unknown_sources: number of sources that are of no review given.
        too_short: number of held-out texts that are too short to find a near copy of.
    """

    leaks: tuple[Leak, ...]
    titles: tuple[str, ...]
    unknown_sources: int
    too_short: int


def check_profile(
    profile: InterestProfile, held: HeldOut, titles: Mapping[str, str] | None
) -> ProfileFindings:
    """Look for held-out reviews in a profile: in its sources, its quotes and its words.

    Args:
        profile: of that user, made anywhere.
        held: what is held out of it.
        titles: of the items, by id; None where there is no catalogue.
    """
    source_leaks, unknown = _sources(profile, held)
    copy_leaks, too_short = _near_copies(profile, held, titles or {})
    return ProfileFindings(
        leaks=(*source_leaks, *_quotes(profile, held, titles), *copy_leaks),
        titles=tuple(_given_titles(profile, held, titles or {})),
        unknown_sources=unknown,
        too_short=too_short,
    )


def _sources(profile: InterestProfile, held: HeldOut) -> tuple[list[Leak], int]:
    """Return the held-out reviews that a profile was made from, and the number unknown to us.

    A digest decides where it is of a review given, else the id. An interest's evidence names
    sources too, by id only.
    """
    in_history = {review.digest for review in held.history}
    by_digest = held.digests
    by_id = {review.review_id: review for review in held.reviews}
    leaks: list[Leak] = []
    unknown = 0
    for source in profile.sources:
        if source.digest in in_history:
            continue
        seen, how = by_digest.get(source.digest), "digest"
        if seen is None:
            seen, how = by_id.get(source.review_id), "id, its digest is of no review given"
        if seen is None:
            unknown += 1
        else:
            what = f"the profile was made from it (same {how})"
            leaks.append(Leak("source", held.user_id, seen.review_id, what))
    in_sources = {source.review_id for source in profile.sources}
    for interest in profile.interests:
        for named in dict.fromkeys(evidence.review_id for evidence in interest.evidence):
            if named in by_id and named not in in_sources:
                what = f"interest {interest.name!r} rests on it (same id)"
                leaks.append(Leak("source", held.user_id, named, what))
    return leaks, unknown


def _quotes(
    profile: InterestProfile, held: HeldOut, titles: Mapping[str, str] | None
) -> Iterator[Leak]:
    """Yield the quotes that occur in a held-out review and nowhere in the history.

    A quote is sought as it is and cleaned (one made elsewhere may have kept the markup), in whole
    texts and titles: what a prompt cut off was the user's to say as well.
    """
    history = "\n".join(_seen_words(review, titles) for review in held.history)
    held_words = [(review, _seen_words(review, titles)) for review in held.reviews]
    for interest in profile.interests:
        for evidence in interest.evidence:
            if evidence.field == "title" and titles is None:
                continue
            both = (_same_marks(evidence.quote), _plain(evidence.quote))
            forms = [form for form in both if form.strip()]
            if any(form in history for form in forms):
                continue
            for review, words in held_words:
                if any(form in words for form in forms):
                    what = (
                        f"interest {interest.name!r} quotes {evidence.quote!r}, which occurs in "
                        "held-out reviews only"
                    )
                    yield Leak("quote", held.user_id, review.review_id, what)
                    break


def _near_copies(
    profile: InterestProfile, held: HeldOut, titles: Mapping[str, str]
) -> tuple[list[Leak], int]:
    """Return the held-out texts that a profile repeats, and the number too short to say.

    What the history has word for word is not the held-out text's own.
    """
    parts = {name: runs(words) for name, words in _parts(profile).items()}
    in_profile = frozenset().union(*parts.values())
    texts = [(review, runs(review.text)) for review in held.reviews]
    # Most texts share so little that the history, which is long, need not be looked at.
    suspects = [(review, its) for review, its in texts if len(its & in_profile) >= MIN_SHARED]
    known = _runs_of_history(held, titles) if suspects else set()
    leaks = [
        Leak("near_copy", held.user_id, review.review_id, _said(copy))
        for review, its in suspects
        if (copy := find_near_copy(its - known, parts)) is not None
    ]
    return leaks, sum(len(its) < MIN_SHARED for _, its in texts)


def _runs_of_history(held: HeldOut, titles: Mapping[str, str]) -> set[str]:
    known: set[str] = set()
    for review in held.history:
        known |= runs(review.text)
        known |= runs(titles.get(review.item_id or "", ""))
    return known


def _said(copy: NearCopy) -> str:
    runs_of = f"{copy.share:.0%} of {{}} runs of {RUN_CHARACTERS} characters"
    if copy.part is None:
        return f"{runs_of.format('its')} stand in the profile"
    return f"{runs_of.format('the')} in {copy.part} are its"


def _given_titles(
    profile: InterestProfile, held: HeldOut, titles: Mapping[str, str]
) -> Iterator[str]:
    """Yield the titles of items to be found that a profile has, though the history has not."""
    words = _plain("\n".join(_parts(profile).values()))
    history = "\n".join(_seen_words(review, titles) for review in held.history)
    for item in sorted(held.target_items & titles.keys()):
        # ASCII only, for a language without spaces has no boundary between its words.
        title = rf"(?<!\w){re.escape(_plain(titles[item]))}(?!\w)"
        is_known = re.search(title, history, re.ASCII | re.IGNORECASE)
        if not is_known and re.search(title, words, re.ASCII):
            yield titles[item]


def _parts(profile: InterestProfile) -> dict[str, str]:
    """Return the words of a profile, quotes left out, by what they are."""
    parts = {"the summary": profile.summary}
    for number, interest in enumerate(profile.interests, 1):
        parts[f"interest {number}, {interest.name!r}"] = interest.query
    return parts


def _seen_words(review: Review, titles: Mapping[str, str] | None) -> str:
    """Return a review's text and its item's title as a model is shown them, uncut, a line each."""
    title = (titles or {}).get(review.item_id or "", "")
    return f"{_plain(review.text)}\n{_plain(title)}"


def _plain(text: str) -> str:
    """Clean a text; quotation marks, which rendering changes in titles, are the same everywhere."""
    return _same_marks(clean(text))


def _same_marks(text: str) -> str:
    return text.replace('"', "'")
