"""Near copies: a held-out text that stands, hardly changed, in other words.

Texts are compared by their *runs*, all pieces of eight characters. Containment (Broder 1997) is
the share of one text's runs that the other one has. The figures behind the limits are in the
docs: honest profiles stay below a share of .13.
"""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass

from llmrec.profiling.rendering import clean

RUN_CHARACTERS = 8
MIN_SHARE = 0.25
"""Twice the largest share in honest profiles."""
MIN_SHARED = 20
"""Twenty runs are 27 characters in a row: below that, a phrase that everybody uses is enough."""

_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class NearCopy:
    """Where words are a near copy of a held-out text.

    Attributes:
        share: in [``MIN_SHARE``, 1].
        part: the part of the profile of which ``share`` is the held-out text's; None where it
            is the share of the held-out text that stands in the profile as a whole.
    """

    share: float
    part: str | None


def runs(text: str) -> frozenset[str]:
    """Return the runs of a text: markup, case and punctuation do not count."""
    folded = _NO_WORD.sub(" ", clean(text).casefold()).strip()
    starts = range(len(folded) - RUN_CHARACTERS + 1)
    return frozenset(folded[n : n + RUN_CHARACTERS] for n in starts)


def find_near_copy(own: Set[str], parts: Mapping[str, Set[str]]) -> NearCopy | None:
    """Return how far a held-out text is contained in a profile, or a part of the profile in it.

    A long text that is copied into one description makes up most of the description; a short
    one that is spread over several is found in them together. The larger share counts.

    Args:
        own: runs of the held-out text that no text of the history has.
        parts: runs of each part of the profile, by name.

    Returns:
        The largest share of ``MIN_SHARE`` or more behind which are ``MIN_SHARED`` runs, or None.
    """
    in_profile = own & frozenset().union(*parts.values())
    candidates: list[tuple[int, int, str | None]] = [(len(in_profile), len(own), None)]
    candidates += [(len(own & part), len(part), name) for name, part in parts.items()]
    copies = [
        NearCopy(shared / size, name) for shared, size, name in candidates if shared >= MIN_SHARED
    ]
    best = max(copies, key=lambda copy: copy.share, default=None)
    return best if best is not None and best.share >= MIN_SHARE else None
