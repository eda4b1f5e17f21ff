"""Which bank corrects for hubs: the stored one, this run's interests, or the index's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llmrec.errors import SettingsError
from llmrec.llm.embedder import Embedder
from llmrec.matching.bank import MIN_RUN, Bank, BankKind, bank_of_run
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.similarity import HubStatistics, hub_statistics
from llmrec.records.profile import InterestProfile

BankName = Literal["auto", "stored", "run", "index"]


@dataclass(frozen=True, slots=True)
class ChosenBank:
    """The bank in use.

    Attributes:
        kind: which it is.
        hub: each item's statistics over it.
    """

    kind: BankKind
    hub: HubStatistics

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


BankInUse = ChosenBank | StoreBank


async def choose_bank(
    name: BankName,
    index: ContentIndex,
    embedder: Embedder,
    profiles: Sequence[InterestProfile] = (),
) -> ChosenBank:
    """Return the bank of a name; ``auto`` is the first there is of stored, run and index.

    Args:
        name: ``auto``, ``stored``, ``run`` or ``index``.
        index: the catalogue.
        embedder: of the index.
        profiles: of the whole run; together they need 50 interests to make a bank.

    Raises:
        SettingsError: the bank asked for is not there.
        RecordingMissing: a vector of the run's bank is not recorded, and none may be made.
    """
    if name in ("auto", "stored") and "stored" in index.manifest.banks:
        return ChosenBank("stored", index.hub("stored"))
    if name in ("auto", "run"):
        run = bank_of_run(profiles)
        if len(run.texts) >= MIN_RUN:
            return ChosenBank("run", await _run_hub(run, index, embedder))
        if name == "run":
            raise SettingsError(
                f"a run's bank takes at least {MIN_RUN} interests, these profiles have "
                f"{len(run.texts)}: choose another bank"
            )
    kind: BankKind = "index" if name == "auto" else name
    return ChosenBank(kind, index.hub(kind))


async def _run_hub(bank: Bank, index: ContentIndex, embedder: Embedder) -> HubStatistics:
    cached = index.run_hub(bank.digest)
    if cached is not None:
        return cached
    hub = hub_statistics(index.rows, await embedder.embed(bank.texts, "query"))
    index.keep_run_hub(bank.digest, hub)
    return hub
