"""What a person sees: profiles and lists on a terminal."""

from collections.abc import Mapping

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llmrec.cli.terminal import visible
from llmrec.records.profile import Interest, InterestProfile
from llmrec.records.ranking import Explanation, Recommendation, ScoredItem

_BAR_CELLS = 10
_COLOURS = {"like": "green", "dislike": "red"}


def print_profile(console: Console, profile: InterestProfile, quotes: int = 3) -> None:
    """Print a profile: its summary, and each interest with its weight and its quotes."""
    console.print(
        Text.assemble((visible(profile.user_id), "bold"), f" ({visible(profile.language)})")
    )
    console.print(Padding(Text(visible(profile.summary), style="italic"), (0, 0, 1, 2)))
    dates = {source.review_id: source.date for source in profile.sources}
    for interest in profile.interests:
        _print_interest(console, interest, dates, quotes)
    if not profile.interests:
        console.print("  no interests")


def print_recommendation(
    console: Console, recommendation: Recommendation, origins: Mapping[str, str] | None = None
) -> None:
    """Print a ranked list: each item with what brought it, or with its explanation.

    Args:
        console: to print on.
        recommendation: the list.
        origins: by review id, what stands behind words quoted from it: when, and of what.
    """
    whom = recommendation.user_id or f"“{recommendation.like}”"
    console.print(Text(visible(whom), style="bold"))
    if recommendation.reason:
        console.print(Text(f"  ({visible(recommendation.reason)})"))
    print_items(console, recommendation.recommendations, origins or {})


def print_items(
    console: Console, items: tuple[ScoredItem, ...], origins: Mapping[str, str] | None = None
) -> None:
    """Print the items of a ranked list; see ``print_recommendation``."""
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(justify="right", style="dim")
    table.add_column(justify="right", style="cyan")
    table.add_column(overflow="fold")
    for item in items:
        if item.explanation is not None:
            table.add_row(f"{item.rank}.", "", _explained(item, item.explanation, origins or {}))
            continue
        because = ", ".join(f"{visible(b.name)} {b.share:.0%}" for b in item.because)
        entry = Text.assemble((visible(item.title), "bold"), (f"  {because}", "dim"))
        score = "" if item.score is None else f"{item.score:.2f}"
        table.add_row(f"{item.rank}.", score, entry)
    console.print(Padding(table, (0, 0, 0, 2)))


def origins_of(profile: InterestProfile, titles: Mapping[str, str]) -> dict[str, str]:
    """Return by review id when it was written, and of what.

    Args:
        profile: of the person.
        titles: of the items, by id.
    """
    known = (
        (source.review_id, (source.date, titles.get(source.item_id or "")))
        for source in profile.sources
    )
    return {review_id: ", ".join(part for part in parts if part) for review_id, parts in known}


def _explained(item: ScoredItem, explanation: Explanation, origins: Mapping[str, str]) -> Text:
    """Return title and text, and under them the person's words that the text does not have."""
    text = visible(explanation.text)
    lines = [Text(visible(item.title), style="bold"), Text(text)]
    for quote in explanation.quotes:
        words = visible(quote.quote)
        if explanation.source == "model" or words not in text:
            origin = visible(origins.get(quote.review_id, ""))
            lines.append(Text.assemble((f"“{words}”", "italic"), (f"  {origin}", "dim")))
    return Text("\n").join([*lines, Text()])


def _print_interest(
    console: Console, interest: Interest, dates: dict[str, str | None], quotes: int
) -> None:
    colour = _COLOURS[interest.polarity]
    line = Text.assemble(
        "  ",
        (_bar(console, interest.weight), colour),
        f" {interest.weight:.2f} ",
        (f"{interest.polarity:<7} ", colour),
        (visible(interest.name), "bold"),
    )
    console.print(line)
    for evidence in interest.evidence[:quotes]:
        date = dates.get(evidence.review_id)
        quote = Text.assemble(f"“{visible(evidence.quote)}”", (f"  {date or ''}", "dim"))
        console.print(Padding(quote, (0, 0, 0, 26)))


def _bar(console: Console, weight: float) -> str:
    full, empty = ("█", "░") if console.encoding.startswith("utf") else ("#", ".")
    cells = max(1, round(weight * _BAR_CELLS))
    return full * cells + empty * (_BAR_CELLS - cells)
