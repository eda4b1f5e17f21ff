"""From what was read to an evaluation: interests embedded, a bank chosen, everything audited."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from llmrec.errors import IndexMismatch, SettingsError
from llmrec.evaluation.baselines import BY_LANGUAGE
from llmrec.evaluation.evaluating import METRICS, Evaluation, usable_systems
from llmrec.evaluation.findings import Audit
from llmrec.evaluation.fitted_users import read_fitted_users
from llmrec.evaluation.leakage import audit
from llmrec.evaluation.material import Material, visible_reviews
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.results import Result
from llmrec.evaluation.runs import Run
from llmrec.evaluation.sampling import with_sampled_candidates
from llmrec.evaluation.task import Candidates, make_task
from llmrec.llm.embedder import Embedder
from llmrec.matching.bank_choice import BankName, ChosenBank, choose_bank
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.interactions import Interactions
from llmrec.matching.profile_match import Taste, embedded_tastes
from llmrec.matching.score_parts import PartName
from llmrec.matching.weights import read_weights
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import InterestProfile
from llmrec.records.reviews import Item
from llmrec.records.splits import Split
from llmrec.waiting import wait_for


def evaluate(
    users: Sequence[UserReviews],
    split: Split,
    items: Sequence[Item],
    *,
    profiles: Sequence[InterestProfile] = (),
    index: ContentIndex | None = None,
    embedder: Embedder | None = None,
    systems: Sequence[str] | None = None,
    metrics: Sequence[str] = METRICS,
    seed: int = 0,
) -> Result:
    """Compare systems on the users of a split, the whole catalogue ranked for each.

    Args:
        users: all reviews of all users, with the lines of their file (``read_users``).
        split: what is held out (``read_split``).
        items: the catalogue.
        profiles: made from the histories; none for systems that need no LLM.
        index: of these items, for the systems that compare vectors.
        embedder: of that index, for the interests of profiles.
        systems: names; None for all that can be built from what is given.
        metrics: names, the main one first.
        seed: of everything that is drawn.

    Raises:
        LeakageError: something has seen what is held out.
        InputError, IndexMismatch, SettingsError: what is given does not fit together.
    """
    evaluation = wait_for(
        prepare(
            users,
            split,
            items,
            profiles=profiles,
            index=index,
            embedder=embedder,
            systems=systems,
            metrics=[Metric.parse(name) for name in metrics],
            seed=seed,
        )
    )
    return evaluation.run()


async def prepare(
    users: Sequence[UserReviews],
    split: Split,
    items: Sequence[Item],
    *,
    profiles: Sequence[InterestProfile] = (),
    index: ContentIndex | None = None,
    embedder: Embedder | None = None,
    systems: Sequence[str] | None = None,
    metrics: Sequence[Metric],
    bank: BankName = "auto",
    candidates: Candidates | int | None = None,
    runs: Mapping[str, Run] | None = None,
    weights: str | Path | None = None,
    seed: int = 0,
) -> Evaluation:
    """Prepare an evaluation, the audit included.

    Args:
        users: as for ``evaluate``, and so are the others that it has.
        split: what is held out.
        items: the catalogue.
        profiles: made from the histories.
        index: of these items.
        embedder: of that index.
        systems: names; None for all that can be built.
        metrics: the first is the main one.
        bank: what corrects profiles for hubs.
        candidates: the items ranked for each user, or how many are sampled beside the targets;
            None for the whole catalogue.
        runs: ranked lists of other programs, by name.
        weights: a file of them, for the system ``weighted``; fitted on none of the evaluated.
        seed: of everything that is drawn.

    Raises:
        LeakageError: something has seen what is held out.
        InputError, IndexMismatch, SettingsError: what is given does not fit together.
        RecordingMissing: the vector of an interest is not recorded, and none may be made.
    """
    chosen = usable_systems(
        systems,
        has_index=index is not None,
        has_profiles=bool(profiles),
        has_weights=weights is not None,
    )
    if index is not None:
        _require_same_catalogue(items, index)
    found = _audited(profiles, users, split, items, index, weights)
    tastes, chosen_bank = await _embedded(profiles, split, index, embedder, bank)
    by_language = None
    if any(system.name == BY_LANGUAGE for system in chosen) and index and embedder:
        by_language = await choose_bank(bank, index, embedder, profiles, by_language=True)
    task = make_task(
        users,
        split,
        [item.item_id for item in items],
        profiles={profile.user_id: profile for profile in profiles},
        tastes=tastes,
        candidates=None if isinstance(candidates, int) else candidates,
    )
    if isinstance(candidates, int):
        task = with_sampled_candidates(task, candidates, seed)
    return Evaluation(
        task=task,
        material=Material(
            items=items,
            interactions=Interactions.of(visible_reviews(users, split), task.positions),
            vectors=None if index is None else index.rows,
            hub=None if chosen_bank is None else chosen_bank.hub,
            language_hub=None if by_language is None else by_language.hub,
            seed=seed,
            labels=task.labels,
            weights=_weights(weights, index),
        ),
        audit=found,
        systems=chosen,
        runs=runs or {},
        metrics=tuple(metrics),
        bank=None if chosen_bank is None else chosen_bank.kind,
    )


def _audited(
    profiles: Sequence[InterestProfile],
    users: Sequence[UserReviews],
    split: Split,
    items: Sequence[Item],
    index: ContentIndex | None,
    weights: str | Path | None,
) -> Audit:
    """Return the audit of all that is given, or raise a LeakageError."""
    found = audit(
        profiles,
        users,
        split,
        titles={item.item_id: item.title for item in items},
        bank=None if index is None else index.manifest.banks.get("stored"),
        fitted_on=() if weights is None else read_fitted_users(weights),
    )
    found.require_no_leaks()
    return found


def _weights(path: str | Path | None, index: ContentIndex | None) -> dict[PartName, float] | None:
    """Return the weights of a file, for an index; None where one of the two is not given."""
    return None if path is None or index is None else read_weights(path).of(index.manifest.model)


async def _embedded(
    profiles: Sequence[InterestProfile],
    split: Split,
    index: ContentIndex | None,
    embedder: Embedder | None,
    bank: BankName,
) -> tuple[dict[str, Taste], ChosenBank | None]:
    """Return the tastes of the evaluated users, and the bank; nothing without an index."""
    if index is None or not profiles:
        return {}, None
    if embedder is None:
        raise SettingsError("profiles are compared with an index: give its embedder too")
    evaluated = [p for p in profiles if p.user_id in split.lines and p.interests]
    tastes = await embedded_tastes([profile.interests for profile in evaluated], embedder)
    by_user = {p.user_id: taste for p, taste in zip(evaluated, tastes, strict=True)}
    return by_user, await choose_bank(bank, index, embedder, profiles)


def _require_same_catalogue(items: Sequence[Item], index: ContentIndex) -> None:
    for place, (item, entry) in enumerate(zip_longest(items, index.items)):
        if item != entry:
            raise IndexMismatch(
                f"{index.folder}: not made from these items: entry {place} is "
                f"{_name(entry)}, in the catalogue it is {_name(item)}; build the index again"
            )


def _name(item: Item | None) -> str:
    return "missing" if item is None else repr(item.item_id)
