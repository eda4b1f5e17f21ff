"""A catalogue to recommend from: in a folder, or in a database, which answers for itself."""

from collections.abc import Collection, Mapping, Sequence, Set
from pathlib import Path
from typing import Protocol

import numpy as np

from llmrec.errors import SettingsError
from llmrec.llm.embedder import Embedder
from llmrec.matching.bank_choice import (
    BankInUse,
    BankName,
    ChosenBank,
    StoreBank,
    choose_bank,
)
from llmrec.matching.best_matches import Scored, match_many
from llmrec.matching.block_scoring import Positions
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.index_folder import Manifest
from llmrec.matching.masks import AllowedItems, allowed_items
from llmrec.matching.postgres.address import is_address, parse_address
from llmrec.matching.postgres.driver import refuse_without_driver
from llmrec.matching.profile_match import Taste
from llmrec.records.profile import InterestProfile
from llmrec.records.reviews import Item


class Store(Protocol):
    """An index in a database."""

    manifest: Manifest

    @property
    def entries(self) -> Mapping[str, Item]:
        """The items by id."""
        ...

    @property
    def titles(self) -> Mapping[str, str]:
        """Their titles by id."""
        ...

    def bank(self, name: BankName) -> StoreBank:
        """Return the bank of a name, or raise a SettingsError."""
        ...

    def match(
        self,
        taste: Taste,
        bank: StoreBank | None,
        k: int,
        left_out: Collection[str] = (),
        only: Collection[str] | None = None,
    ) -> Scored:
        """Return the k items that fit a taste best."""
        ...

    def allowed_items(
        self,
        *,
        only: Collection[str] | None,
        exclude: Collection[str],
        categories: Collection[str],
    ) -> frozenset[str]:
        """Return the ids of the items that may be recommended."""
        ...


Catalogue = ContentIndex | Store


def open_catalogue(place: str | Path) -> Catalogue:
    """Open an index: a folder, or ``postgres://…``.

    Raises:
        InputError, IndexMismatch: there is no index, or it cannot be used.
        SettingsError: what it takes to reach a database is not installed.
    """
    if not is_address(place):
        return ContentIndex(place)
    refuse_without_driver()
    from llmrec.matching.postgres.store import PostgresIndex

    return PostgresIndex(str(place))


def open_folder(place: str | Path) -> ContentIndex:
    """Open an index whose rows are all at hand, as evaluating and fitting need.

    Raises:
        InputError, IndexMismatch: there is no index, or it cannot be used.
        SettingsError: it is in a database.
    """
    if is_address(place):
        raise SettingsError(
            "this needs the index of a folder, whose rows are all at hand, came "
            f"{parse_address(str(place))}: make one with llmrec index -o DIR"
        )
    return ContentIndex(place)


async def bank_of(
    catalogue: Catalogue,
    name: BankName,
    embedder: Embedder,
    profiles: Sequence[InterestProfile] = (),
    *,
    by_language: bool = False,
) -> BankInUse:
    """Return the bank of a name; see ``choose_bank``. A database knows no banks of runs.

    Raises:
        SettingsError: there is no such bank, or a database is to take away what language adds.
        RecordingMissing: a vector of the run's bank is not recorded, and none may be made.
    """
    if isinstance(catalogue, ContentIndex):
        return await choose_bank(name, catalogue, embedder, profiles, by_language=by_language)
    if by_language:
        raise SettingsError(
            "hub-by-language needs the index of a folder: a database knows hub only"
        )
    return catalogue.bank(name)


def folder_index(catalogue: Catalogue) -> ContentIndex:
    """Return a catalogue whose rows are all at hand, as several parts and diversity need.

    Raises:
        SettingsError: it is in a database.
    """
    if isinstance(catalogue, ContentIndex):
        return catalogue
    raise SettingsError(
        "weights and diversity need the index of a folder: a database scores by interests alone"
    )


def positions_of(index: ContentIndex, item_ids: Collection[str] | None) -> Positions | None:
    """Return the ascending rows of items; None for all."""
    if isinstance(item_ids, AllowedItems) and item_ids.index is index:
        return item_ids.positions
    return None if item_ids is None else np.array(index.positions(item_ids), np.intp)


def allowed_of(
    catalogue: Catalogue,
    *,
    only: Collection[str] | None = None,
    exclude: Collection[str] = (),
    categories: Collection[str] = (),
) -> Set[str]:
    """Return the ids of the items that may be recommended; see ``allowed_items``."""
    if isinstance(catalogue, ContentIndex):
        return allowed_items(catalogue, only=only, exclude=exclude, categories=categories)
    return catalogue.allowed_items(only=only, exclude=exclude, categories=categories)


def best_items_of(
    catalogue: Catalogue,
    tastes: Sequence[Taste],
    bank: BankInUse | None,
    k: int,
    left_out: Sequence[Collection[str]],
    only: Collection[str] | None = None,
) -> list[Scored]:
    """Return for each taste the k items of a catalogue that fit it best; see ``match_many``.

    Args:
        catalogue: to choose from.
        tastes: each of at least one interest.
        bank: corrects for hubs; None for plain cosine.
        k: how many items.
        left_out: for each taste, ids of items not to be returned.
        only: ids of the only items that may be returned; None for all.

    Raises:
        SettingsError: the bank is one of another catalogue.
    """
    if isinstance(catalogue, ContentIndex):
        if not isinstance(bank, StoreBank):
            allowed = positions_of(catalogue, only)
            return match_many(tastes, catalogue, bank, k, left_out, allowed)
    elif not isinstance(bank, ChosenBank):
        return [
            catalogue.match(taste, bank, k, unwanted, only)
            for taste, unwanted in zip(tastes, left_out, strict=True)
        ]
    raise SettingsError("the bank given is not one of this catalogue")
