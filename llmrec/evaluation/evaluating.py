"""An evaluation: the audit, then every system over every user, intervals and claims."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Final

from llmrec.digests import digest
from llmrec.errors import SettingsError
from llmrec.evaluation.baselines import ON_REQUEST, SYSTEMS, Need, System, named_systems
from llmrec.evaluation.claims import best_without_llm, paired_claims
from llmrec.evaluation.findings import Audit
from llmrec.evaluation.found import Found, find
from llmrec.evaluation.intervals import mean_interval
from llmrec.evaluation.material import Material
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.placing import best_lists, place_targets
from llmrec.evaluation.resampling import DRAWS
from llmrec.evaluation.results import (
    NOT_COMPARABLE,
    Claim,
    Result,
    Score,
    SystemKind,
    SystemResult,
    Warned,
)
from llmrec.evaluation.runs import Run
from llmrec.evaluation.task import Task
from llmrec.matching.bank import BankKind
from llmrec.matching.part import Person

METRICS: Final = ("nDCG@10", "R@10", "RR@10")
_PACKAGES = ("llmrec", "numpy", "scikit-learn")
_OPTION: dict[Need, str] = {
    "profiles": "--profiles",
    "index": "--index",
    "reviews": "REVIEWS",
    "weights": "--weights",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All that an evaluation goes by; ``run`` carries it out.

    Attributes:
        task: for whom, what is to be found, among which items.
        material: what systems are built from.
        audit: of everything that is evaluated, without leaks.
        systems: to be compared.
        runs: lists that other programs made, by the name they have in the table.
        metrics: the first is the main one.
        bank: which corrects profiles for hubs, or None.
    """

    task: Task
    material: Material
    audit: Audit
    systems: tuple[System, ...]
    runs: Mapping[str, Run]
    metrics: tuple[Metric, ...]
    bank: BankKind | None = None

    def __post_init__(self) -> None:
        taken = sorted({system.name for system in self.systems} & self.runs.keys())
        if taken:
            raise SettingsError(f"--run: {taken[0]!r} is the name of a system, choose another")
        if not self.systems and not self.runs:
            raise SettingsError("nothing to evaluate: name a system or give a run")

    def run(self, inputs: Mapping[str, str] | None = None) -> Result:
        """Evaluate every system for every user.

        Args:
            inputs: digests of the files behind all this, by name, to stand in the result.

        Raises:
            SettingsError: a system lacks something.
            InputError: there are fewer than two users.
        """
        main = str(self.metrics[0])
        seed = self.material.seed
        systems = sorted(self._systems(), key=lambda one: -one.scores[main].mean)
        baseline = best_without_llm(systems, main)
        return Result(
            versions=_versions(),
            inputs={**(inputs or {}), **self._digests()},
            settings={
                "metrics": [str(metric) for metric in self.metrics],
                "systems": [system.name for system in self.systems],
                "runs": list(self.runs),
                "bank": self.bank,
                "draws": DRAWS,
                "seed": seed,
            },
            comparable=self.task.candidates is None,
            users=self.task.user_ids,
            lines=self.task.lines,
            n_items=len(self.task.item_ids),
            warnings=tuple(self._warnings()),
            not_checked=self.audit.not_checked,
            systems=tuple(systems),
            baseline=None if baseline is None else baseline.name,
            claims=() if baseline is None else _claims(baseline, systems, main, seed),
        )

    def lists(self) -> Iterable[tuple[str, Run]]:
        """Yield the name and the best 100 items of every system for every user it serves."""
        for system in self.systems:
            part = system.build(self.material)
            yield system.name, best_lists(part, self.task, self._served(system))

    def _systems(self) -> Iterable[SystemResult]:
        for system in self.systems:
            found = place_targets(system.build(self.material), self.task, self._served(system))
            kind: SystemKind = "with_llm" if system.needs_llm else "without_llm"
            yield self._scored(system.name, kind, found)
        for name, run in self.runs.items():
            yield self._scored(name, "run", find(run, self.task.qrels))

    def _served(self, system: System) -> Sequence[Person]:
        """Return whom a system can rank for: without an interest a profile gives no list."""
        if not system.needs_llm:
            return self.task.people
        return [one for one in self.task.people if one.profile and one.profile.interests]

    def _scored(self, name: str, kind: SystemKind, found: Found) -> SystemResult:
        values = {str(metric): metric.values(found) for metric in self.metrics}
        intervals = {
            metric: mean_interval(own, seed=self.material.seed) for metric, own in values.items()
        }
        return SystemResult(
            name=name,
            kind=kind,
            missing=found.missing,
            scores={
                metric: Score(one.mean, one.low, one.high, one.warning)
                for metric, one in intervals.items()
            },
            values={metric: tuple(own.tolist()) for metric, own in values.items()},
        )

    def _digests(self) -> dict[str, str]:
        task = self.task
        split = dict(zip(task.user_ids, task.lines, strict=True))
        digests = {
            "items": digest([asdict(item) for item in self.material.items]),
            "split": digest(split),
        }
        if task.candidates is not None:
            own = ([task.item_ids[row] for row in task.ranked_rows(one)] for one in task.people)
            digests["candidates"] = digest(dict(zip(task.user_ids, own, strict=True)))
        return digests

    def _warnings(self) -> Iterable[Warned]:
        if self.task.candidates is not None:
            yield Warned("candidates", NOT_COMPARABLE)
        for caution in self.audit.cautions:
            yield Warned(caution.kind, caution.what, caution.users)
        lost = self.task.not_in_catalogue
        if lost:
            what = "held-out items that are not in the catalogue: nothing can find them"
            yield Warned("not_in_catalogue", what, lost)


def usable_systems(
    names: Sequence[str] | None, *, has_index: bool, has_profiles: bool, has_weights: bool = False
) -> tuple[System, ...]:
    """Return the systems of these names, or all that can be built from what there is.

    Those of ``ON_REQUEST`` are compared only where they are named.

    Raises:
        SettingsError: there is no such system, or what it needs is not given.
    """
    given: set[Need] = {"reviews"}
    given |= {"index"} if has_index else set()
    given |= {"profiles"} if has_profiles else set()
    given |= {"weights"} if has_weights else set()
    if names is None:
        return tuple(
            one for one in SYSTEMS.values() if one.needs <= given and one.name not in ON_REQUEST
        )
    chosen = named_systems(names)
    for system in chosen:
        lacking = sorted(_OPTION[need] for need in system.needs - given)
        if lacking:
            raise SettingsError(f"{system.name} needs {' and '.join(lacking)}")
    return chosen


def _claims(
    baseline: SystemResult, systems: Sequence[SystemResult], metric: str, seed: int
) -> tuple[Claim, ...]:
    others = {
        (one.name, baseline.name): (one.values[metric], baseline.values[metric])
        for one in systems
        if one.kind != "without_llm"
    }
    return paired_claims(others, metric, seed=seed)


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
