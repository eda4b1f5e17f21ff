"""What an audit finds: leaks, which stop an evaluation, and warnings, which stand above it."""

from dataclasses import dataclass
from typing import Literal

from llmrec.errors import LeakageError

LeakKind = Literal["source", "quote", "near_copy", "weights", "bank"]
CautionKind = Literal[
    "title", "catalogue", "no_sources", "unknown_sources", "other_split", "not_older", "twice"
]

_PROFILES = "make the profiles again from the history only: llmrec extract --split"
_REMEDIES: dict[LeakKind, str] = {
    "source": _PROFILES,
    "quote": _PROFILES,
    "near_copy": _PROFILES,
    "weights": "fit the weights on users who are not evaluated",
    "bank": "build the index again with a bank made from histories: llmrec index --bank --split",
}
_NAMED_USERS = 3
_LISTED_LEAKS = 10


@dataclass(frozen=True, slots=True)
class Leak:
    """Something has seen a held-out review.

    Attributes:
        kind: of the five things that may have.
        user_id: whose review.
        review_id: which; None where the user's line holds out no review of the file.
        evidence: how it shows.
    """

    kind: LeakKind
    user_id: str
    review_id: str | None
    evidence: str

    def __str__(self) -> str:
        return f"user {self.user_id!r}, review {self.review_id!r}: {self.evidence}"


@dataclass(frozen=True, slots=True)
class Caution:
    """A warning: no leak is proved, but every result needs it said.

    Attributes:
        kind: what it is about.
        what: in a sentence.
        users: whom it concerns; empty where it concerns all.
    """

    kind: CautionKind
    what: str
    users: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.users:
            return self.what
        named = ", ".join(map(repr, self.users[:_NAMED_USERS]))
        more = len(self.users) - _NAMED_USERS
        return f"{self.what} ({named}{f' and {more} more' if more > 0 else ''})"


@dataclass(frozen=True, slots=True)
class Audit:
    """The outcome of an audit.

    Attributes:
        users: number of evaluated users: those of the split.
        profiles: of them, those whose profile was audited.
        held_out: number of held-out reviews.
        leaks: all that were found.
        cautions: to be said above every result.
        not_checked: what this audit could not see, one sentence each; never empty.
    """

    users: int
    profiles: int
    held_out: int
    leaks: tuple[Leak, ...]
    cautions: tuple[Caution, ...]
    not_checked: tuple[str, ...]

    @property
    def remedies(self) -> tuple[str, ...]:
        """What to do about the leaks."""
        return tuple(dict.fromkeys(_REMEDIES[leak.kind] for leak in self.leaks))

    @property
    def summary(self) -> str:
        """The outcome in one line."""
        leaking = len({leak.user_id for leak in self.leaks})
        return (
            f"leaks: {len(self.leaks)} ({leaking} users), warnings: {len(self.cautions)}; "
            f"audited: {self.profiles} profiles, {self.users} users, "
            f"{self.held_out} held-out reviews"
        )

    def require_no_leaks(self) -> None:
        """Refuse to evaluate what has seen the answers.

        Raises:
            LeakageError: naming the first leaks.
        """
        if self.leaks:
            listed = [f"{leak.kind}: {leak}" for leak in self.leaks[:_LISTED_LEAKS]]
            if len(self.leaks) > _LISTED_LEAKS:
                listed.append(f"and {len(self.leaks) - _LISTED_LEAKS} more: llmrec audit lists all")
            raise LeakageError("\n".join([self.summary, *listed, *self.remedies]))
