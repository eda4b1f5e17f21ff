"""Made-up people who review the items a, b, c… of a small catalogue."""

from llmrec.matching.interactions import Interactions
from llmrec.matching.part import Person
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import Evidence, Interest, InterestProfile
from llmrec.records.reviews import Review

Like = tuple[str, str, float]


def history(user_id: str, item_ids: str, days: tuple[int | None, ...] = ()) -> UserReviews:
    """Reviews of one item a letter, on these days of January 2024 (None: undated)."""
    dated = days or (None,) * len(item_ids)
    return UserReviews.of(
        Review(
            user_id=user_id,
            text=f"about {item_id}",
            item_id=item_id,
            timestamp=None if day is None else f"2024-01-{day:02}",
            review_id=f"r{number}",
        )
        for number, (item_id, day) in enumerate(zip(item_ids, dated, strict=True))
    )


def positions(catalogue: str) -> dict[str, int]:
    """The row of each item id, one a letter."""
    return {item_id: row for row, item_id in enumerate(catalogue)}


def interactions(catalogue: str, *item_ids: str) -> Interactions:
    """Interactions of one user for each word of item ids."""
    histories = [history(f"u{number}", ids) for number, ids in enumerate(item_ids)]
    return Interactions.of(histories, positions(catalogue))


def person(catalogue: str, item_ids: str) -> Person:
    """A person who reviewed these items, oldest first; none for an empty word."""
    reviews = history("p", item_ids) if item_ids else UserReviews("p", ())
    return Person.of(reviews, positions(catalogue))


def profile(*interests: Like) -> InterestProfile:
    """A profile of (name, polarity, weight) triples; a description says ``about`` the name."""
    quote = (Evidence("r0", "text", "so it is"),)
    return InterestProfile(
        user_id="p",
        language="en",
        summary="",
        interests=tuple(
            Interest(name, polarity, weight, f"about {name}", quote)  # type: ignore[arg-type]
            for name, polarity, weight in interests
        ),
    )
