"""What language adds to a cosine: an embedder puts it before taste.

A query is nearer to every item of its own language. So much nearer, on average over a bank of
queries, is taken away: one number for each language of a query and language of an item.
Axes: languages of queries l, languages of items m, items i, bank b.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from llmrec.llm.embedder import Rows

MIN_QUERIES: Final = 10
"""Queries of a language that a bank must have, or what that language adds is not known."""

_BLOCK_ITEMS: Final = 4096


@dataclass(frozen=True, slots=True)
class ItemLanguages:
    """The language of every item.

    Attributes:
        names: (n_item_languages,) each once.
        of_items: (n_items,) intp, place in ``names``.
    """

    names: tuple[str, ...]
    of_items: NDArray[np.intp]

    @classmethod
    def of(cls, languages: Sequence[str]) -> "ItemLanguages":
        """Return those of items whose languages are given one by one."""
        names, of_items = np.unique(np.array(languages, np.str_), return_inverse=True)
        return cls(tuple(names.tolist()), of_items.astype(np.intp))


@dataclass(frozen=True, slots=True)
class LanguageOffsets:
    """What is to be taken from a cosine for the languages of its query and its item.

    Attributes:
        languages: (n_languages,) of queries.
        table: (n_languages, n_item_languages) float64.
        of_items: (n_items,) intp, column of each item.
    """

    languages: tuple[str, ...]
    table: NDArray[np.float64]
    of_items: NDArray[np.intp]

    def between(self, languages: Sequence[str]) -> NDArray[np.float64]:
        """Return the offsets of queries, 0 in languages that are not known.

        Args:
            languages: (n_queries,) of the queries.

        Returns:
            (n_queries, n_items) float64.
        """
        known = {name: row for row, name in enumerate(self.languages)}
        with_none = np.vstack([self.table, np.zeros(self.table.shape[1])])
        return with_none[[known.get(name, -1) for name in languages]][:, self.of_items]

    def at(self, positions: NDArray[np.intp] | slice) -> "LanguageOffsets":
        """Return the offsets of some items, in this order."""
        return LanguageOffsets(self.languages, self.table, self.of_items[positions])


def known_languages(of_bank: Sequence[str]) -> tuple[str, ...]:
    """Return the languages that enough of a bank's queries are in, sorted."""
    counts = Counter(name for name in of_bank if name)
    return tuple(sorted(name for name, n in counts.items() if n >= MIN_QUERIES))


def language_offsets(
    rows: Rows, items: ItemLanguages, bank: Rows, of_bank: Sequence[str]
) -> LanguageOffsets | None:
    """Return what each pair of languages adds to a cosine, over a bank.

    d_lm = mean over the queries b in l and the items i in m of cos(b, i) - mean_b' cos(b', i),
    which is the inner product of two means: of the queries in l less that of the whole bank, and
    of the items in m.

    Args:
        rows: (n_items, dim) float32, unit rows.
        items: their languages.
        bank: (n_bank, dim) float32, unit rows.
        of_bank: (n_bank,) languages of its queries.

    Returns:
        None where bank or catalogue have one language: there is nothing to be taken away.
    """
    languages = known_languages(of_bank)
    if len(languages) < 2 or len(items.names) < 2:
        return None
    exact, is_in = bank.astype(np.float64), np.array(of_bank, np.str_)
    of_queries = np.stack([exact[is_in == name].mean(axis=0) for name in languages])
    table = (of_queries - exact.mean(axis=0)) @ _means(rows, items).T
    return LanguageOffsets(languages, table, items.of_items)


def _means(rows: Rows, items: ItemLanguages) -> NDArray[np.float64]:
    """Return the mean row of each language; (n_item_languages, dim)."""
    sums = np.zeros((len(items.names), rows.shape[1]))
    for start in range(0, len(rows), _BLOCK_ITEMS):
        block = rows[start : start + _BLOCK_ITEMS].astype(np.float64)
        of_block = items.of_items[start : start + _BLOCK_ITEMS]
        for place in np.unique(of_block):
            sums[place] += block[of_block == place].sum(axis=0)
    counts = np.bincount(items.of_items, minlength=len(items.names))
    return sums / counts[:, None]
