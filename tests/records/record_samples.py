"""What the tests of records share: rows as text, any profile, any ranked list."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence

from hypothesis import strategies as st

from llmrec.records.profile import Evidence, Interest, InterestProfile, Source
from llmrec.records.ranking import Because, Explanation, Quote, Recommendation, Repairs, ScoredItem

TEXTS = st.text(st.characters(codec="utf-8"))
IDS = st.text(st.characters(codec="utf-8"), min_size=1)
VISIBLE_TEXTS = TEXTS.filter(lambda text: text.strip() != "")
SHARES = st.floats(min_value=0, max_value=1, exclude_min=True)


def json_lines(*rows: object) -> str:
    """Return rows as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def csv_text(header: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as CSV, absent cells empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def profiles(texts: st.SearchStrategy[str] = TEXTS) -> st.SearchStrategy[InterestProfile]:
    """Any profile that is made of such texts."""
    evidence = st.builds(
        Evidence,
        review_id=IDS,
        field=st.sampled_from(["text", "title"]),
        quote=texts.filter(bool),
        start=st.none() | st.integers(min_value=0, max_value=2**40),
        end=st.none() | st.integers(min_value=1, max_value=2**40),
    )
    interests = st.builds(
        Interest,
        name=texts,
        polarity=st.sampled_from(["like", "dislike"]),
        weight=SHARES,
        description=texts,
        evidence=st.lists(evidence, min_size=1, max_size=2).map(tuple),
    )
    sources = st.builds(
        Source,
        review_id=IDS,
        item_id=st.none() | IDS,
        date=st.none() | st.dates().map(str),
        digest=texts,
        shown=st.none() | texts,
    )
    return st.builds(
        InterestProfile,
        user_id=texts.filter(bool),
        language=texts,
        summary=texts,
        interests=st.lists(interests, max_size=3).map(tuple),
        sources=st.lists(sources, max_size=2).map(tuple),
        split=st.none() | texts,
        model=st.none() | texts,
        prompt=st.none() | texts,
        request=st.none() | texts,
    )


def recommendations(texts: st.SearchStrategy[str] = TEXTS) -> st.SearchStrategy[Recommendation]:
    """Any ranked list that is made of such texts."""
    quote = st.builds(
        Quote,
        review_id=IDS,
        quote=texts.filter(bool),
        start=st.none() | st.integers(min_value=0, max_value=2**40),
        end=st.none() | st.integers(min_value=1, max_value=2**40),
    )
    explanations = st.builds(
        Explanation,
        text=texts.filter(str.strip),
        source=st.sampled_from(["model", "composed"]),
        interests=st.lists(texts, max_size=2).map(tuple),
        quotes=st.lists(quote, max_size=2).map(tuple),
    )
    because = st.builds(Because, interest=texts, share=SHARES)
    because |= st.builds(Because, interest=st.none(), share=SHARES, part=texts)
    items = st.builds(
        ScoredItem,
        item_id=IDS,
        title=texts,
        rank=st.integers(min_value=1, max_value=2**40),
        score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        because=st.lists(because, max_size=3).map(tuple),
        explanation=st.none() | explanations,
        penalty=st.none() | st.floats(min_value=0, allow_infinity=False),
    )
    repairs = st.builds(Repairs, *[st.integers(min_value=0, max_value=2**40)] * 3)
    return st.builds(
        Recommendation,
        user_id=st.none() | texts.filter(bool),
        like=st.none() | texts,
        bank=st.none() | st.sampled_from(["stored", "run", "index"]),
        reason=st.none() | texts,
        reranked=st.none() | st.booleans(),
        repairs=st.none() | repairs,
        recommendations=st.lists(items, max_size=3).map(tuple),
    )
