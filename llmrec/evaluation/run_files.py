"""Ranked lists that other programs made: TREC runs, and the lists of ``recommend``."""

from pathlib import Path

from llmrec.errors import InputError
from llmrec.evaluation.runs import Run
from llmrec.evaluation.trec import read_run
from llmrec.records.ranking import Recommendation
from llmrec.records.tables import read_lines


def read_any_run(path: str | Path) -> Run:
    """Read a TREC run, or the lists that ``recommend`` and ``rerank`` write (``.jsonl``).

    Of lists the order counts, since the scores of a reranked list are those before.

    Raises:
        InputError: it is neither, or an item or a user stands there twice.
    """
    if not str(path).removesuffix(".gz").endswith(".jsonl"):
        return read_run(path)
    lists = {}
    for line, raw in read_lines(path):
        try:
            own = Recommendation.from_json(raw)
        except InputError as error:
            what = f"a list of recommendations is expected: {error.what}"
            raise InputError(what, path=path, line=line) from None
        if own.user_id is None or own.user_id in lists:
            what = f"one list for each user is expected, came another for {own.user_id!r}"
            raise InputError(what, path=path, line=line)
        lists[own.user_id] = ([item.item_id for item in own], [-float(n) for n in range(len(own))])
    return Run.from_lists(lists)
