"""What the tests of splitting and leakage share: small users, and profiles of them."""

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from llmrec.evaluation.findings import Audit
from llmrec.evaluation.leakage import audit
from llmrec.matching.index_folder import BankEntry
from llmrec.records.grouping import UserReviews, read_users
from llmrec.records.profile import Evidence, Interest, InterestProfile, Source
from llmrec.records.reviews import Review
from llmrec.records.splits import Split, read_split

KETTLE = "The kettle boils fast and pours where I aim, a joy on every cold morning."
LAMP = "This lamp is too bright for the bedroom, but on my desk it is just right."
TENT = "Stayed dry through two nights of hard rain; pitching it alone took ten minutes."
BOAT = "My inflatable canoe crossed the whole lake without losing a breath of its air."
TITLES = {"kettle": "Gooseneck", "lamp": "Lumo 3", "tent": "Stormhold", "boat": "Paddle Star"}


def rows_of(user_id: str) -> list[dict[str, object]]:
    """Four reviews of one user, a day each."""
    texts = {"kettle": KETTLE, "lamp": LAMP, "tent": TENT, "boat": BOAT}
    return [
        {
            "user_id": user_id,
            "item_id": item,
            "rating": 5.0,
            "timestamp": f"2024-01-0{day}",
            "review_id": f"{user_id}-{item}",
            "text": text,
        }
        for day, (item, text) in enumerate(texts.items(), 1)
    ]


def json_lines(rows: Iterable[object]) -> str:
    """Return rows as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


class Case:
    """Reviews, the split that holds out each user's last one, and honest profiles of the rest."""

    def __init__(self, folder: Path, rows: Sequence[dict[str, object]] = ()) -> None:
        self.rows = list(rows) or [*rows_of("ann"), *rows_of("bob")]
        if not rows:  # bob is somebody else: he starts later
            self.rows[4]["timestamp"] = "2024-01-01T12:00:00Z"
        self.reviews = folder / "reviews.jsonl"
        self.split_path = folder / "split.jsonl"
        self.reviews.write_text(json_lines(self.rows), "utf-8")
        self.write_split(self._split_rows())

    @property
    def split(self) -> Split:
        return read_split(self.split_path)

    def write_split(self, rows: Iterable[Mapping[str, object]]) -> None:
        self.split_path.write_text(json_lines(rows), "utf-8")

    def users(self) -> list[UserReviews]:
        return list(read_users(self.reviews))

    def reviews_of(self, user_id: str) -> tuple[Review, ...]:
        return next(user.reviews for user in self.users() if user.user_id == user_id)

    def profile(self, user_id: str = "ann") -> InterestProfile:
        """Return a profile of the user's history, with its sources and its split."""
        history = self.reviews_of(user_id)[:-1]
        return InterestProfile(
            user_id=user_id,
            language="en",
            summary="Wants things of the household that simply work.",
            interests=(interest("Quiet mornings", "Things that make an early hour pleasant.",
                                evidence(f"{user_id}-kettle", "a joy on every cold morning")),),
            sources=tuple(source(review) for review in history),
            split=self.split.digests[user_id],
        )  # fmt: skip

    def audited(
        self,
        *profiles: InterestProfile,
        users: Sequence[UserReviews] = (),
        titles: Mapping[str, str] | None = TITLES,
        bank: BankEntry | None = None,
        fitted_on: Collection[str] = (),
    ) -> Audit:
        return audit(
            profiles, users or self.users(), self.split,
            titles=titles, bank=bank, fitted_on=fitted_on,
        )  # fmt: skip

    def _split_rows(self) -> list[dict[str, object]]:
        lines: dict[str, list[int]] = {}
        for line, row in enumerate(self.rows):
            lines.setdefault(str(row["user_id"]), []).append(line)
        return [
            {
                "user_id": user_id,
                "target_item": self.rows[own[-1]]["item_id"],
                "target_line": own[-1],
                "history_lines": own[:-1],
            }
            for user_id, own in lines.items()
        ]


def source(review: Review, **changes: str) -> Source:
    """Return a review as a profile's source."""
    made = Source(review.review_id, review.item_id, review.date, review.digest, "R1")
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def evidence(review_id: str, quote: str, field: str = "text") -> Evidence:
    """Return a quote without a place."""
    return Evidence(review_id, field, quote)  # type: ignore[arg-type]


def interest(name: str, description: str, *quotes: Evidence) -> Interest:
    """Return a like."""
    return Interest(name, "like", 0.8, description, quotes or (evidence("x", "nowhere"),))


def with_words(profile: InterestProfile, summary: str) -> InterestProfile:
    """Return a profile with another summary."""
    return dataclasses.replace(profile, summary=summary)


def with_interest(profile: InterestProfile, made: Interest) -> InterestProfile:
    """Return a profile with one interest more."""
    return dataclasses.replace(profile, interests=(*profile.interests, made))
