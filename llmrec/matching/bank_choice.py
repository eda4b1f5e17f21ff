"""Which bank corrects for hubs: the stored one, this run's interests, or the index's own."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llmrec.errors import SettingsError
from llmrec.llm.embedder import Embedder
from llmrec.matching.bank import MIN_RUN, Bank, BankKind, bank_of_run
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.language_hubs import hub_by_language, kept_hub, say_languages
from llmrec.matching.similarity import HubStatistics, hub_statistics
from llmrec.records.profile import InterestProfile

log = logging.getLogger(__name__)

BankName = Literal["auto", "stored", "run", "index"]


@dataclass(frozen=True, slots=True)
class ChosenBank:
    """The bank in use.

    Attributes:
        kind: which it is.
        hub: each item's statistics over it.
        by_language: whether what language adds to a cosine is taken away too.
    """

    kind: BankKind
    hub: HubStatistics
    by_language: bool = False

    @property
    def n_flat(self) -> int:
        """Number of items that are equally near to the whole bank: their z is 0."""
        return self.hub.n_flat


@dataclass(frozen=True, slots=True)
class StoreBank:
    """The bank in use where its statistics stand beside the rows, in a database.

    Attributes:
        kind: which it is.
        n_flat: number of items that are equally near to the whole bank: their z is 0.
    """

    kind: BankKind
    n_flat: int

    @property
    def by_language(self) -> bool:
        """A database does not know what language adds."""
        return False


BankInUse = ChosenBank | StoreBank


async def choose_bank(
    name: BankName,
    index: ContentIndex,
    embedder: Embedder,
    profiles: Sequence[InterestProfile] = (),
    *,
    by_language: bool = False,
) -> ChosenBank:
    """Return the bank of a name; ``auto`` is the first there is of stored, run and index.

    Args:
        name: ``auto``, ``stored``, ``run`` or ``index``.
        index: the catalogue.
        embedder: of the index.
        profiles: of the whole run; together they need 50 interests to make a bank.
        by_language: take away what language adds to a cosine as well.

    Raises:
        SettingsError: the bank asked for is not there, or its languages are not known.
        RecordingMissing: a vector of the run's bank is not recorded, and none may be made.
    """
    if name in ("auto", "stored") and "stored" in index.manifest.banks:
        return _kept_bank("stored", index, by_language)
    if name in ("auto", "run"):
        run = bank_of_run(profiles)
        if len(run.texts) >= MIN_RUN:
            _say_repeated(run)
            return ChosenBank("run", await _run_hub(run, index, embedder, by_language), by_language)
        if name == "run":
            raise SettingsError(
                f"a run's bank takes at least {MIN_RUN} interests, these profiles have "
                f"{len(run.texts)}: choose another bank"
            )
    return _kept_bank("index" if name == "auto" else name, index, by_language)


def _say_repeated(run: Bank) -> None:
    n_different = len(set(run.texts))
    if n_different < MIN_RUN:
        log.warning(
            "the run's bank has only %d different interests among %d: a correction for hubs needs "
            "at least %d, choose another bank",
            n_different,
            len(run.texts),
            MIN_RUN,
        )


def _kept_bank(kind: BankKind, index: ContentIndex, by_language: bool) -> ChosenBank:
    hub = index.hub(kind)
    if by_language:
        entry = index.manifest.banks[kind]
        if not entry.languages:
            raise SettingsError(
                f"{index.folder}: an older version made its {kind} bank, whose languages are not "
                "known: build the index again, with --bank FILE where it has a stored bank"
            )
        say_languages(entry.languages)
        hub = (
            kept_hub(index, entry.digest)
            or hub_by_language(index, entry.digest, index.bank_rows(kind), entry.languages)
            or hub
        )
    return ChosenBank(kind, hub, by_language)


async def _run_hub(
    bank: Bank, index: ContentIndex, embedder: Embedder, by_language: bool
) -> HubStatistics:
    if by_language:
        say_languages(bank.languages)
    cached = kept_hub(index, bank.digest) if by_language else index.run_hub(bank.digest)
    if cached is not None:
        return cached
    queries = await embedder.embed(bank.texts, "query")
    hub = None
    if by_language:
        hub = hub_by_language(index, bank.digest, queries, bank.languages)
        hub = hub or index.run_hub(bank.digest)
    if hub is None:
        hub = hub_statistics(index.rows, queries)
        index.keep_run_hub(bank.digest, hub)
    return hub
