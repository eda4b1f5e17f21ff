"""A score whose weights for a person were fitted without that person, as a system."""

from collections.abc import Mapping

from llmrec.errors import InputError
from llmrec.evaluation.cross_validation import cross_validate
from llmrec.evaluation.labels import Labels
from llmrec.matching.part import Part, Person
from llmrec.matching.score_parts import PartName, default_weights
from llmrec.matching.scoring import Score
from llmrec.matching.similarity import Float64


class CrossFitted:
    """Parts with the weights of ``cross_validate``: each person's come from other people alone.

    Args:
        parts: by name.
        labels: everybody who will be scored, and what is to be found.
        n_items: of the catalogue.
    """

    def __init__(self, parts: Mapping[PartName, Part], labels: Labels, n_items: int) -> None:
        defaults = default_weights(parts)
        fitted = cross_validate(parts, labels, defaults)
        scores = [
            Score(parts, dict(zip(defaults, weights, strict=True)), n_items)
            for weights in fitted.weights.tolist()
        ]
        self._score_of: dict[str, Score] = {
            person.user_id: scores[fold]
            for person, fold in zip(labels.people, fitted.fold_of.tolist(), strict=True)
        }

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``.

        Raises:
            InputError: the person is none of those it was fitted for.
        """
        if person.user_id not in self._score_of:
            raise InputError(f"user {person.user_id!r} is in no fold: give labels of all people")
        score = self._score_of[person.user_id]
        return score.scores(person)
