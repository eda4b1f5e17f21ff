"""The audit: has anything that is about to be evaluated seen what the evaluation holds out?"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from llmrec.digests import digest
from llmrec.evaluation.findings import Audit, Caution, CautionKind, Leak
from llmrec.evaluation.giveaway import TargetPopularity, target_popularity
from llmrec.evaluation.held_out import HeldOut, hold_out
from llmrec.evaluation.near_copy import MIN_SHARED, RUN_CHARACTERS
from llmrec.evaluation.profile_leaks import check_profile
from llmrec.matching.index_folder import BankEntry
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import InterestProfile
from llmrec.records.splits import Split

_CONCERNS: dict[CautionKind, str] = {
    "no_sources": "profiles without sources: only their quotes and words can be checked",
    "unknown_sources": "profiles made from reviews that are not among those given",
    "other_split": "profiles made under another split",
    "not_older": "history that is not older than what is to be found",
    "twice": "users evaluated twice: they have two profiles, or two ids for the same reviews",
}
_MODEL = "what the chat model knew before: no offline check sees what it was trained on"
_NO_CATALOGUE = (
    "titles in quotes and profiles, and whether the catalogue gives the answer away: no catalogue "
    "was given (--items or --index)"
)
_NO_BANK_SOURCES = "the stored bank: the profiles it was made from had no sources"


def audit(
    profiles: Iterable[InterestProfile],
    users: Iterable[UserReviews],
    split: Split,
    *,
    titles: Mapping[str, str] | None = None,
    bank: BankEntry | None = None,
    fitted_on: Collection[str] = (),
) -> Audit:
    """Look for held-out reviews in all that an evaluation is about to use.

    Evaluated are the users of the split; profiles of others are left out.

    Args:
        profiles: to be evaluated; none for systems without profiles.
        users: all reviews of all users, with the lines of their file; those of users who are not
            in the split count for popularity.
        split: what is held out.
        titles: of the catalogue's items, by id; None where there is no catalogue.
        bank: what an index's manifest says of its stored bank.
        fitted_on: users that weights were fitted on.

    Raises:
        InputError: the split does not belong to these reviews.
    """
    by_user: dict[str, list[InterestProfile]] = defaultdict(list)
    for profile in profiles:
        if profile.user_id in split.lines:
            by_user[profile.user_id].append(profile)
    work = _Work(split, by_user, titles, frozenset(bank.reviews if bank else ()), fitted_on)
    for user in users:
        work.see(user)
    split.require(set(work.reviews_of))
    not_checked = [_MODEL]
    if titles is None:
        not_checked.append(_NO_CATALOGUE)
    if bank is not None and bank.source == "interests" and not bank.reviews:
        not_checked.append(_NO_BANK_SOURCES)
    if work.too_short:
        not_checked.append(
            f"near copies of {work.too_short} held-out texts that are shorter than "
            f"{MIN_SHARED + RUN_CHARACTERS - 1} characters"
        )
    return Audit(
        users=len(split.lines),
        profiles=sum(map(len, by_user.values())),
        held_out=work.held_out,
        leaks=tuple(work.leaks),
        cautions=tuple(work.cautions()),
        not_checked=tuple(not_checked),
    )


@dataclass(slots=True)
class _Work:
    """An audit under way: one user after the other, then what concerns them all."""

    split: Split
    profiles: Mapping[str, list[InterestProfile]]
    titles: Mapping[str, str] | None
    bank_reviews: frozenset[str]
    fitted_on: Collection[str]
    leaks: list[Leak] = field(default_factory=list)
    given_titles: list[Caution] = field(default_factory=list)
    concerned: dict[CautionKind, list[str]] = field(default_factory=lambda: defaultdict(list))
    popularity: Counter[str] = field(default_factory=Counter)
    evaluated: list[tuple[set[str], frozenset[str]]] = field(default_factory=list)
    reviews_of: dict[str, str] = field(default_factory=dict)
    held_out: int = 0
    too_short: int = 0

    def see(self, user: UserReviews) -> None:
        """Check one user; of those who are not in the split only count what they reviewed."""
        if user.user_id not in self.split.lines:
            self.popularity.update({review.item_id for review in user.reviews if review.item_id})
            return
        held = hold_out(user, self.split)
        self.popularity.update(held.history_items)
        self.evaluated.append((held.history_items, held.target_items))
        self.reviews_of[user.user_id] = _whoever_wrote_them(user)
        self.held_out += len(held.reviews)
        if not held.history_is_older:
            self.concerned["not_older"].append(user.user_id)
        self.leaks += self._weights_and_bank(held)
        profiles = self.profiles.get(user.user_id, ())
        if len(profiles) > 1:
            self.concerned["twice"].append(user.user_id)
        for profile in profiles:
            self._check(profile, held)

    def cautions(self) -> Iterator[Caution]:
        """Yield all warnings, those about everybody first."""
        if self.titles is not None:
            found = target_popularity(self.popularity, self.titles, self.evaluated)
            if found is not None and found.reversed_is_better:
                yield Caution("catalogue", _gives_away(found))
        self.concerned["twice"] += self._same_person()
        for kind, what in _CONCERNS.items():
            if self.concerned[kind]:
                yield Caution(kind, what, tuple(self.concerned[kind]))
        yield from self.given_titles

    def _check(self, profile: InterestProfile, held: HeldOut) -> None:
        found = check_profile(profile, held, self.titles)
        self.leaks += found.leaks
        self.too_short += found.too_short
        if not profile.sources:
            self.concerned["no_sources"].append(held.user_id)
        if found.unknown_sources:
            self.concerned["unknown_sources"].append(held.user_id)
        if profile.split not in (None, self.split.digests[held.user_id]):
            self.concerned["other_split"].append(held.user_id)
        for title in found.titles:
            what = f"the profile names {title!r}, which is to be found and is not in the history"
            self.given_titles.append(Caution("title", what, (held.user_id,)))

    def _weights_and_bank(self, held: HeldOut) -> Iterator[Leak]:
        if held.user_id in self.fitted_on:
            review_id = held.targets[-1].review_id if held.targets else None
            yield Leak("weights", held.user_id, review_id, "the weights were fitted on this user")
        if self.bank_reviews:
            for its_digest, review in held.digests.items():
                if its_digest in self.bank_reviews:
                    what = "the index's stored bank was made from it (same digest)"
                    yield Leak("bank", held.user_id, review.review_id, what)

    def _same_person(self) -> list[str]:
        ids: dict[str, list[str]] = defaultdict(list)
        for user_id, reviews in self.reviews_of.items():
            ids[reviews].append(user_id)
        return [user_id for same in ids.values() if len(same) > 1 for user_id in same]


def _whoever_wrote_them(user: UserReviews) -> str:
    """Return a digest of a user's reviews that does not depend on ids."""
    return digest([[review.item_id, review.timestamp, review.text] for review in user.reviews])


def _gives_away(found: TargetPopularity) -> str:
    return (
        "the catalogue gives the answer away: of the items that could be recommended, "
        f"{found.percentile:.0%} are less popular than the held-out one (50% if popularity said "
        f"nothing, p = {found.p:.3f}), so that the least popular first would find it"
    )
