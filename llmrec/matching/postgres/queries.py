"""The two searches of a store, as SQL whose values are parameters only."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pgvector import HalfVector, Vector
from psycopg import sql

from llmrec.matching.bank import BankKind
from llmrec.matching.postgres.connection import Connection
from llmrec.matching.profile_match import Taste
from llmrec.matching.similarity import (
    COSINE_TEMPERATURE,
    DISLIKE_FACTOR,
    FLAT_DEVIATION,
    HUB_TEMPERATURE,
)

MARGIN: Final = 16
"""So many more are fetched than wanted: the database's products are float32, as everywhere."""

_MAX_EXPONENT: Final = 700.0
_NEAREST = """
SELECT place, entry, row, {mean}, {deviation} FROM {items} WHERE place IN ({nearest})
"""
_NEAREST_TO_ONE = """
(SELECT place FROM {items} WHERE {allowed} ORDER BY corrected <#> {query} LIMIT {limit})
"""
_BEST = """
SELECT place, entry, row, {mean}, {deviation} FROM {items} WHERE {allowed}
ORDER BY {score} DESC, place LIMIT {limit}
"""
_SIMILARITY = """
(CASE WHEN {deviation} < {flat} THEN 0
 ELSE (-(row <#> {query}) - {mean}) / {deviation} END)
"""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which items may be found.

    Attributes:
        left_out: ids of items that may not.
        only: ids of the only ones that may; None for all.
        categories: they must have one of these; None for any.
    """

    left_out: Collection[str] = ()
    only: Collection[str] | None = None
    categories: Collection[str] | None = None

    def condition(self) -> tuple[sql.Composable, dict[str, Any]]:
        """Return the condition in SQL, and its parameters."""
        parts = ["item_id <> ALL(%(left_out)s)"]
        values: dict[str, Any] = {"left_out": storable(self.left_out)}
        if self.only is not None:
            parts.append("item_id = ANY(%(only)s)")
            values["only"] = storable(self.only)
        if self.categories is not None:
            parts.append("categories && %(categories)s")
            values["categories"] = storable(self.categories)
        return sql.SQL(" AND ".join(parts)), values


@dataclass(frozen=True, slots=True)
class Search:
    """One person's search of the items of a store.

    Attributes:
        items: the table.
        taste: what is sought.
        bank: whose statistics correct for hubs; None for plain cosine.
        allowed: which items may be found.
    """

    items: sql.Identifier
    taste: Taste
    bank: BankKind | None
    allowed: Allowed

    def nearest(self, limit: int) -> tuple[sql.Composed, dict[str, Any]]:
        """Return the query for the items nearest to each like, as far as the index finds them."""
        condition, values = self.allowed.condition()
        one = sql.SQL(_NEAREST_TO_ONE)
        parts = []
        for number, query in enumerate(self.taste.queries[self.taste.is_like]):
            name = f"like_{number}"
            values[name] = HalfVector(np.append(query, np.float32(1)))
            parts.append(
                one.format(
                    items=self.items,
                    allowed=condition,
                    query=sql.Placeholder(name),
                    limit=sql.Literal(limit),
                )
            )
        nearest = sql.SQL(" UNION ").join(parts)
        return sql.SQL(_NEAREST).format(
            items=self.items, nearest=nearest, **self._columns()
        ), values

    def best(self, k: int) -> tuple[sql.Composed, dict[str, Any]]:
        """Return the query for the best items, all of them looked at; a margin more than k."""
        condition, values = self.allowed.condition()
        score, more = self._score()
        composed = sql.SQL(_BEST).format(
            items=self.items,
            allowed=condition,
            score=score,
            limit=sql.Literal(k + MARGIN),
            **self._columns(),
        )
        return composed, values | more

    def _columns(self) -> dict[str, sql.Composable]:
        if self.bank is None:
            return {"mean": sql.Literal(0.0), "deviation": sql.Literal(1.0)}
        return {name: sql.Identifier(f"{self.bank}_{name}") for name in ("mean", "deviation")}

    def _score(self) -> tuple[sql.Composable, dict[str, Any]]:
        """Return the score of an item, as ``score_taste`` has it."""
        values: dict[str, Any] = {}
        likes, dislikes = [], []
        temperature = COSINE_TEMPERATURE if self.bank is None else HUB_TEMPERATURE
        for number, query in enumerate(self.taste.queries):
            values |= {
                f"query_{number}": Vector(query),
                f"weight_{number}": float(self.taste.weights[number]),
            }
            similarity = sql.SQL(_SIMILARITY).format(
                query=sql.Placeholder(f"query_{number}"),
                flat=sql.Literal(FLAT_DEVIATION),
                **self._columns(),
            )
            parts = {
                "weight": sql.Placeholder(f"weight_{number}"),
                "similarity": similarity,
                "t": sql.Literal(temperature),
                "most": sql.Literal(_MAX_EXPONENT),
            }
            if self.taste.is_like[number]:
                likes.append(sql.SQL(_WEIGHED_LIKE).format(**parts))
            elif self.bank is not None:
                dislikes.append(sql.SQL("{weight}::float8 * {similarity}").format(**parts))
        score: sql.Composable = sql.SQL("0")
        if likes:
            summed = sql.SQL(" + ").join(likes)
            score = sql.SQL("{} * ln({})").format(sql.Literal(temperature), summed)
        if dislikes:
            score = sql.SQL("{} - {} * greatest(0, {})").format(
                score, sql.Literal(DISLIKE_FACTOR), sql.SQL(", ").join(dislikes)
            )
        return score, values


_WEIGHED_LIKE = "{weight}::float8 * exp(greatest(-{most}, least({most}, {similarity} / {t})))"


def ids_where(connection: Connection, items: sql.Identifier, allowed: Allowed) -> frozenset[str]:
    """Return the ids of the items that may be found."""
    condition, values = allowed.condition()
    query = sql.SQL("SELECT item_id FROM {} WHERE {}").format(items, condition)
    return frozenset(item_id for (item_id,) in connection.execute(query, values))


def has_category(connection: Connection, items: sql.Identifier, category: str) -> bool:
    """Say whether an item has a category."""
    condition, values = Allowed(categories=[category]).condition()
    query = sql.SQL("SELECT 1 FROM {} WHERE {} LIMIT 1").format(items, condition)
    return connection.execute(query, values).fetchone() is not None


def storable(words: Collection[str]) -> list[str]:
    """Leave out words that cannot be in a database, which knows neither NUL nor half characters."""
    return [
        word
        for word in words
        if "\0" not in word and not any("\ud800" <= sign <= "\udfff" for sign in word)
    ]
