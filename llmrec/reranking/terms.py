"""Words of a text that can be compared with another's: stems, or pairs of characters."""

import re
from itertools import pairwise

from llmrec.records.writing import CJK, script

STEM = 4
"""Letters of a word that are compared: mystery, mysteries."""

_MIN_LETTERS = 4
_WORD = re.compile(r"[^\W\d_]+")
_SAYS_LITTLE = (
    "about above after again against almost also although always another anything around away "
    "back because been before being best better between both come could does doing done down "
    "each else enough even ever every everyone everything find first from full gets give goes "
    "going good great have having here into isn itself just keep kind know last least less like "
    "liked likes little long look made make makes making many more most much must nearly need "
    "never next nobody nothing often once only other others over part people perhaps rather "
    "read reader readers really same should some somebody someone something still such take "
    "takes tell tells than that their them then there these they thing things think this those "
    "though through time together told turn turns under until upon very viewer viewers want "
    "wants watch well were what when where which while whose will with within without work "
    "works would year years your yours suit suits"
)
_STOP_WORDS = frozenset(_SAYS_LITTLE.split())
_STOP_CHARACTERS = frozenset("的了是在和有不一个这那也都就很与及我你他她它们着过把被给让")


def terms(text: str) -> frozenset[str]:
    """Return what of a text can be compared: stems of words with four letters or more.

    Of Chinese and Japanese it is pairs of neighbouring characters. Words that say little are
    left out (English and Chinese ones).
    """
    found: set[str] = set()
    for word in _WORD.findall(text.lower()):
        if script(word[0]) == CJK:
            pairs = (first + second for first, second in pairwise(word))
            found.update(pair for pair in pairs if _STOP_CHARACTERS.isdisjoint(pair))
        elif len(word) >= _MIN_LETTERS and word not in _STOP_WORDS:
            found.add(word[:STEM])
    return frozenset(found)
