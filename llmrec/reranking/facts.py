"""What the first stage knows of a candidate, for a reranker: how many chose it, why it is here."""

from collections.abc import Mapping

from llmrec.records.ranking import ScoredItem
from llmrec.reranking.rendering import one_line


def facts_of(item: ScoredItem, n_users: Mapping[str, int] | None) -> str:
    """Return the facts about an item as they stand in its line.

    Args:
        item: with the interests that brought it and their shares, where it was matched.
        n_users: by item id, how many people chose it; None where that is not known.
    """
    facts = [] if n_users is None else [f"chosen by {n_users.get(item.item_id, 0)}"]
    facts += [f"{one_line(b.name)} {b.share:.2f}" for b in item.because]
    return "; ".join(facts)
