"""How notebooks show profiles and lists. All text is made safe: it is other people's."""

from html import escape
from typing import TYPE_CHECKING

from llmrec.records.direction import without_turns

if TYPE_CHECKING:
    from llmrec.records.profile import Interest, InterestProfile
    from llmrec.records.ranking import Explanation, Recommendation, ScoredItem

_BAR = "display:inline-block;height:.7em;border-radius:2px;background:"
_COLOURS = {"like": "#2a7", "dislike": "#c44"}


def profile_html(profile: "InterestProfile") -> str:
    """Return a profile as an HTML fragment: interests with weight bars and quotes."""
    rows = "".join(_interest_row(interest) for interest in profile.interests)
    return (
        f"<div><strong>{_safe(profile.user_id)}</strong> ({_safe(profile.language)}): "
        f"{_safe(profile.summary)}<table>{rows}</table></div>"
    )


def recommendation_html(recommendation: "Recommendation") -> str:
    """Return a ranked list as an HTML fragment: titles, scores and what brought each item."""
    heading = recommendation.user_id or recommendation.like or ""
    reason = f"<p>{_safe(recommendation.reason)}</p>" if recommendation.reason else ""
    rows = "".join(_item_row(item) for item in recommendation)
    return f"<div><strong>{_safe(heading)}</strong>{reason}<table>{rows}</table></div>"


def _interest_row(interest: "Interest") -> str:
    bar = f'<span style="{_BAR}{_COLOURS[interest.polarity]};width:{interest.weight * 6:.2f}em">'
    quotes = "".join(f"<br><q>{_safe(evidence.quote)}</q>" for evidence in interest.evidence)
    return (
        f"<tr><td>{bar}</span> {interest.weight:g}</td><td>{interest.polarity}</td>"
        f"<td><strong>{_safe(interest.name)}</strong> {_safe(interest.description)}{quotes}</td>"
        "</tr>"
    )


def _item_row(item: "ScoredItem") -> str:
    because = ", ".join(f"{_safe(part.name)} {part.share:.0%}" for part in item.because)
    score = "" if item.score is None else f"{item.score:.3f}"
    explained = "" if item.explanation is None else _explained(item.explanation)
    return (
        f"<tr><td>{item.rank}</td><td><strong>{_safe(item.title)}</strong>{explained}</td>"
        f"<td>{score}</td><td>{because}</td></tr>"
    )


def _explained(explanation: "Explanation") -> str:
    quotes = "".join(f"<br><q>{_safe(quote.quote)}</q>" for quote in explanation.quotes)
    return f"<br>{_safe(explanation.text)}{quotes}"


def _safe(text: str) -> str:
    """Return a text that is no markup and turns no other text around."""
    return escape(without_turns(text))
