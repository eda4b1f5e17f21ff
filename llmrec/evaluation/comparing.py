"""Two results side by side: the same systems on the users they have in common."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmrec.errors import InputError
from llmrec.evaluation.claims import paired_claims
from llmrec.evaluation.results import Claim, Result

_SAME = {
    "reviews": "the reviews differ",
    "items": "the catalogues differ, so that one of them may be easier",
    "candidates": "the candidates differ",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """Two results, paired.

    Attributes:
        claims: of each system that both have and that differs, the second result minus the first.
        same: the systems that have the same value for every user. There is nothing to test: no
            pattern of signs could show a difference, so that they do not count as further tests
            when the others' p-values are adjusted (Tarone 1990).
        users: number of users that both have.
        only_first, only_second: number of users that one has alone; they are left out.
    """

    claims: tuple[Claim, ...]
    same: tuple[str, ...]
    users: int
    only_first: int
    only_second: int


def compare_results(
    first: Result,
    second: Result,
    *,
    systems: Sequence[str] = (),
    metric: str | None = None,
    seed: int = 0,
) -> Compared:
    """Pair two results over the users that both have.

    Args:
        first: A.
        second: B; differences are B minus A.
        systems: names; none for all that both have.
        metric: name; None for the main one of A.
        seed: of resamples and sign patterns.

    Raises:
        InputError: they are about different things, have no such system or metric in common, or
            fewer than two users.
    """
    _require_same(first, second)
    metric = metric or first.metrics[0]
    _require_in_both("metric", metric, first.metrics, second.metrics)
    names = list(systems) or [name for name in first.by_name if name in second.by_name]
    if not names:
        raise InputError("the two results have no system in common")
    for name in names:
        _require_in_both("system", name, list(first.by_name), list(second.by_name))
    _require_same_lines(first, second)
    places = {user_id: place for place, user_id in enumerate(second.users)}
    pairs = [(n, places[user]) for n, user in enumerate(first.users) if user in places]
    pairs_of, same = {}, []
    for name in names:
        before, after = first.by_name[name].values[metric], second.by_name[name].values[metric]
        values = [after[b] for _, b in pairs], [before[a] for a, _ in pairs]
        if values[0] == values[1] and len(pairs) > 1:
            same.append(name)
        else:
            pairs_of[name, name] = values
    return Compared(
        claims=paired_claims(pairs_of, metric, seed=seed),
        same=tuple(same),
        users=len(pairs),
        only_first=len(first.users) - len(pairs),
        only_second=len(second.users) - len(pairs),
    )


def _require_same(first: Result, second: Result) -> None:
    for name, what in _SAME.items():
        if first.inputs.get(name) != second.inputs.get(name):
            raise InputError(f"the two results cannot be paired: {what}")


def _require_same_lines(first: Result, second: Result) -> None:
    line_of = dict(zip(second.users, second.lines, strict=True))
    for user_id, line in zip(first.users, first.lines, strict=True):
        if line_of.get(user_id, line) != line:
            raise InputError(
                "the two results cannot be paired: the splits differ, so that different items are "
                f"to be found for user {user_id!r}"
            )


def _require_in_both(what: str, name: str, first: Sequence[str], second: Sequence[str]) -> None:
    for which, names in (("first", first), ("second", second)):
        if name not in names:
            raise InputError(
                f"the {which} result has no {what} {name!r}: there are {', '.join(names)}"
            )
