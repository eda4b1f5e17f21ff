"""What ``llmrec fit`` writes: weights, whom they were fitted on, and what they were worth there."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Annotated, Final

import numpy as np
from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from llmrec.errors import InputError
from llmrec.evaluation.cross_validation import FOLDS, METRIC, CrossValidation, cross_validate
from llmrec.evaluation.examples import NEGATIVES
from llmrec.evaluation.findings import Audit
from llmrec.evaluation.giveaway import TargetPopularity, target_popularity
from llmrec.evaluation.intervals import Interval, mean_interval
from llmrec.evaluation.labels import Labels
from llmrec.evaluation.material import Material
from llmrec.evaluation.significance import compare
from llmrec.matching.score_parts import PARTS, PartName, default_weights
from llmrec.matching.similarity import Float64
from llmrec.matching.weights import Weight
from llmrec.records.profile import FORMAT, Format
from llmrec.records.reviews import RECORD, Id

MIN_USERS: Final = 2
REFITS: Final = 200


@dataclass(frozen=True, slots=True, config=RECORD)
class Estimate:
    """A mean over users with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, config=RECORD)
class Beside:
    """What a part, or the defaults, reach on the same users, and how far the score is ahead.

    Attributes:
        mean: its own nDCG@10.
        ahead: the score's minus its own, paired.
        p: of the sign-flip test.
    """

    mean: float
    ahead: Estimate
    p: float


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class LearnedWeights:
    """A file of weights.

    Attributes:
        format: version of the file format.
        version: of the package that wrote it.
        embedder: the model whose vectors they were fitted with.
        bank: which bank corrected for hubs.
        weights: of each part, summing to 1, with intervals of 200 refits on resampled users.
        pull: of the ridge towards the defaults; None where the defaults were kept.
        users: on whose held-out items they were fitted.
        not_usable: number of other users: their held-out items are not in the catalogue, or the
            profile has seen them.
        metric: what the following are means of.
        cross_validated: the score, every user with weights fitted on other users.
        beside_defaults: the same compared with the default weights.
        beside_parts: the same compared with each part alone.
        target_percentile: share of the items that are less popular than the held-out one; where
            it is far below .5, the catalogue gives the answer away.
        warnings: to be said wherever a figure of this file is.
        digests: of the files behind it, by name.
        settings: what else decides the figures.
    """

    format: Format = FORMAT
    version: str
    embedder: str
    bank: str
    weights: Mapping[PartName, Weight]
    pull: float | None
    users: tuple[Id, ...]
    not_usable: Annotated[int, Field(ge=0)]
    metric: str
    cross_validated: Estimate
    beside_defaults: Beside
    beside_parts: Mapping[PartName, Beside]
    target_percentile: float | None
    warnings: tuple[str, ...]
    digests: Mapping[str, str]
    settings: Mapping[str, int]

    def to_json(self) -> bytes:
        """Return the file."""
        return _LEARNED.dump_json(self, indent=1)


_LEARNED = TypeAdapter(LearnedWeights)


def learn_weights(
    material: Material,
    audit: Audit,
    *,
    embedder: str,
    bank: str,
    digests: Mapping[str, str],
    n_negatives: int = NEGATIVES,
    seed: int = 0,
) -> LearnedWeights:
    """Fit the weights of all parts, and find out by cross-validation what they are worth.

    Args:
        material: with labels.
        audit: of the people of these labels; what has seen an answer cannot be fitted.
        embedder: the model whose vectors ``material`` has.
        bank: which bank corrects for hubs.
        digests: of the files behind all this, by name.
        n_negatives: how many other items stand beside each item to be found.
        seed: of the resampled users.

    Raises:
        LeakageError: the audit found leaks.
        InputError: fewer than two people have a usable label.
    """
    audit.require_no_leaks()
    labels = material.known_labels
    defaults = default_weights(PARTS)
    parts = {name: PARTS[name](material) for name in defaults}
    fitted = cross_validate(parts, labels, defaults, n_negatives)
    _require_enough(fitted, labels)
    trap = _trap(material, labels)
    score = mean_interval(fitted.values)
    beside_parts = zip(defaults, fitted.of_parts, strict=True)
    return LearnedWeights(
        version=version("llmrec"),
        embedder=embedder,
        bank=bank,
        weights=_weights(fitted, defaults, seed),
        pull=fitted.pull(),
        users=fitted.user_ids,
        not_usable=len(labels.people) - len(fitted.user_ids),
        metric=str(METRIC),
        cross_validated=_estimate(score),
        beside_defaults=_beside(fitted.values, fitted.of_defaults),
        beside_parts={name: _beside(fitted.values, alone) for name, alone in beside_parts},
        target_percentile=None if trap is None else trap.percentile,
        warnings=(*map(str, audit.cautions), *filter(None, [score.warning])),
        digests=dict(digests),
        settings={"folds": FOLDS, "negatives": n_negatives, "refits": REFITS, "seed": seed},
    )


def _require_enough(fitted: CrossValidation, labels: Labels) -> None:
    n = len(fitted.user_ids)
    if n < MIN_USERS:
        raise InputError(
            f"{n} of {len(labels.people)} users have a held-out item that is in the catalogue and "
            f"not in their history: at least {MIN_USERS} are expected"
        )


def _trap(material: Material, labels: Labels) -> TargetPopularity | None:
    """Say how popular the labels are among all items, each named by its row."""
    counts = material.interactions.counts.astype(int).tolist()
    rows = list(map(str, range(len(counts))))
    return target_popularity(
        dict(zip(rows, counts, strict=True)),
        rows,
        (
            (set(map(str, person.positions)), set(map(str, labels.of(person))))
            for person in labels.people
        ),
    )


def _weights(
    fitted: CrossValidation, names: Iterable[PartName], seed: int
) -> dict[PartName, Weight]:
    """Return the weights with percentile intervals: of each resample pull and fit are its own."""
    generator, n = np.random.default_rng(seed), len(fitted.user_ids)
    refits = [fitted.fitted(generator.integers(n, size=n)) for _ in range(REFITS)]
    low, high = np.quantile(refits, (0.025, 0.975), axis=0)
    found = zip(names, fitted.fitted().tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: Weight(*values) for name, *values in found}


def _estimate(interval: Interval) -> Estimate:
    return Estimate(interval.mean, interval.low, interval.high)


def _beside(values: Float64, others: Float64) -> Beside:
    found = compare(values, others)
    return Beside(float(others.mean()), _estimate(found.difference), found.p_value)
