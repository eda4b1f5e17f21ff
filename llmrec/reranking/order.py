"""Orders: the one a list is shown in, the one a model replied, and several made one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from llmrec.records.ranking import Repairs

ShownOrder = Literal["hash", "first-stage", "shuffled"]

RRF_K: Final = 60
"""How flat reciprocal rank fusion is; the value of its paper."""


def shown_order(
    user_id: str, item_ids: Sequence[str], order: ShownOrder, number: int = 1
) -> list[int]:
    """Return the positions of items in the order that a model is shown them.

    Args:
        user_id: whose list it is.
        item_ids: in the order of the first stage.
        order: ``hash`` goes by SHA-256 of user id, line feed and item id, so that it depends
            only on which items there are; ``first-stage`` leaves it; ``shuffled`` hashes the
            number too.
        number: of the pass, from 1: each pass after the first is ``shuffled``.
    """
    places = list(range(len(item_ids)))
    if order == "first-stage" and number == 1:
        return places
    salt = "" if order == "hash" and number == 1 else f"\n{number}"
    return sorted(places, key=lambda place: _sha256(f"{user_id}\n{item_ids[place]}{salt}"))


@dataclass(frozen=True, slots=True)
class Repaired:
    """An order made of a reply.

    Attributes:
        places: a permutation.
        repairs: what was put right.
    """

    places: tuple[int, ...]
    repairs: Repairs


def repaired(replied: Sequence[object], labels: Sequence[str]) -> Repaired:
    """Make a permutation of a reply, without guessing.

    What is not exactly a label is dropped, and so is every label that came before; what is missing
    goes to the end.

    Args:
        replied: what should be the labels, best first.
        labels: in the order that missing ones keep.
    """
    places = {label: place for place, label in enumerate(labels)}
    known = [places[label] for label in replied if isinstance(label, str) and label in places]
    kept = dict.fromkeys(known)
    missing = [place for place in range(len(labels)) if place not in kept]
    repairs = Repairs(
        unknown=len(replied) - len(known),
        repeated=len(known) - len(kept),
        missing=len(missing),
    )
    return Repaired((*kept, *missing), repairs)


def fused(orders: Sequence[Sequence[int]], weights: Sequence[float]) -> list[int]:
    """Return one order of several by weighted reciprocal rank fusion.

    score = Σ w / (k + rank), k = 60, rank from 1 (Cormack, Clarke and Büttcher 2009); of equal
    scores the one that stands higher in the first order comes first.

    Args:
        orders: permutations of the same places.
        weights: of each order, 0 or more.
    """
    scores = dict.fromkeys(orders[0], 0.0)
    for order, weight in zip(orders, weights, strict=True):
        for rank, place in enumerate(order, 1):
            scores[place] += weight / (RRF_K + rank)
    return sorted(scores, key=lambda place: -scores[place])


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
