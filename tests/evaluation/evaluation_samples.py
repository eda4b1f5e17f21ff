"""A small evaluation that tests share: two people, four items, honest profiles."""

from pathlib import Path

from leakage_samples import TITLES, Case

from llmrec.evaluation.evaluating import usable_systems
from llmrec.evaluation.preparing import evaluate
from llmrec.evaluation.results import Result
from llmrec.evaluation.task import Task, make_task
from llmrec.records.reviews import Item

ITEMS = tuple(Item(item_id, title) for item_id, title in TITLES.items())
MORE = tuple(Item(f"other{n}", f"Other thing {n}") for n in range(20))
CATALOGUE = (*ITEMS, *MORE)


def task_of(case: Case) -> Task:
    """The task of a case, over a catalogue of 24 items."""
    return make_task(case.users(), case.split, [item.item_id for item in CATALOGUE])


def evaluated(folder: Path, *systems: str, seed: int = 0) -> Result:
    """Evaluate systems without an index on the case."""
    case = Case(folder)
    chosen = systems or tuple(
        s.name for s in usable_systems(None, has_index=False, has_profiles=True)
    )
    return evaluate(
        case.users(),
        case.split,
        CATALOGUE,
        profiles=[case.profile("ann"), case.profile("bob")],
        systems=chosen,
        seed=seed,
    )
