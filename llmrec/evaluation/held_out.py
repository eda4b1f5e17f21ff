"""What of one user an evaluation holds out, and what it leaves as history."""

from dataclasses import dataclass

from llmrec.records.grouping import UserReviews, moment
from llmrec.records.reviews import Review
from llmrec.records.splits import Split


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The reviews of one evaluated user, in the order they were written.

    Attributes:
        user_id: whose.
        history: what a profile may see.
        reviews: held out: all others, to be found or not.
        targets: of those, the ones to be found.
        target_items: the items to be found.
    """

    user_id: str
    history: tuple[Review, ...]
    reviews: tuple[Review, ...]
    targets: tuple[Review, ...]
    target_items: frozenset[str]

    @property
    def digests(self) -> dict[str, Review]:
        """The held-out reviews by digest, without those that stand in the history as well."""
        in_history = {review.digest for review in self.history}
        digests = {review.digest: review for review in self.reviews}
        return {digest: review for digest, review in digests.items() if digest not in in_history}

    @property
    def history_items(self) -> set[str]:
        """The items that the history is about."""
        return {review.item_id for review in self.history if review.item_id}

    @property
    def history_is_older(self) -> bool:
        """Whether every review of the history was written before every one to be found."""
        if not self.history or not self.targets:
            return True
        return max(map(moment, self.history)) < min(map(moment, self.targets))


def hold_out(user: UserReviews, split: Split) -> HeldOut:
    """Divide a user's reviews as the split says.

    Args:
        user: all reviews, with the lines of their file; the split has a line for this user.
        split: made for that file.

    Raises:
        InputError: the split does not belong to these reviews, or holds out what it calls history.
    """
    line = split.lines[user.user_id]
    history = split.history(user)
    in_history = set(history.lines)
    target_lines = line.targets
    items = frozenset(item for item in (line.target_item, *line.target_items) if item)
    held_out = [
        (n, r) for n, r in zip(user.lines, user.reviews, strict=True) if n not in in_history
    ]
    return HeldOut(
        user_id=user.user_id,
        history=history.reviews,
        reviews=tuple(review for _, review in held_out),
        targets=tuple(
            review
            for n, review in held_out
            if (n in target_lines if target_lines else review.item_id in items)
        ),
        target_items=items,
    )
