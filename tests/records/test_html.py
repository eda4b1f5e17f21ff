"""How notebooks show records: every text survives, and none becomes markup."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_samples import profiles, recommendations

from llmrec.records.profile import Evidence, Interest, InterestProfile
from llmrec.records.ranking import Because, Explanation, Quote, Recommendation, ScoredItem

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></table></div><!-- ",
    "'; &lt;b&gt; &amp; <q>",
    "]]><![CDATA[",
    "&#60;script&#62;",
]
TEXTS = st.sampled_from(HOSTILE) | st.text(st.characters(codec="utf-8"))
TAGS = {"div", "strong", "table", "tr", "td", "span", "br", "q", "p"}


class _Page(HTMLParser):
    """What a browser would see: the tags, their attributes and the text."""

    def __init__(self, fragment: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.other: list[str] = []
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def _checked(fragment: str) -> str:
    page = _Page(fragment)
    assert page.tags <= TAGS
    assert page.attributes <= {"style"}
    assert (page.open, page.other) == ([], [])
    return page.text


@settings(deadline=None)
@given(profiles(TEXTS))
def test_texts_of_a_profile_stay_texts(profile: InterestProfile) -> None:
    shown = _checked(profile._repr_html_())
    texts = [profile.user_id, profile.language, profile.summary]
    for interest in profile.interests:
        quotes = [evidence.quote for evidence in interest.evidence]
        texts += [interest.polarity, interest.name, interest.description, *quotes]
    place = 0
    for text in texts:
        place = shown.index(text, place) + len(text)


@settings(deadline=None)
@given(recommendations(TEXTS))
def test_texts_of_a_list_stay_texts(recommendation: Recommendation) -> None:
    shown = _checked(recommendation._repr_html_())
    texts = [recommendation.user_id or recommendation.like or "", recommendation.reason or ""]
    for item in recommendation:
        texts += [str(item.rank), item.title]
        if item.explanation is not None:
            texts += [item.explanation.text, *(said.quote for said in item.explanation.quotes)]
        texts += [part.name for part in item.because]
    place = 0
    for text in texts:
        place = shown.index(text, place) + len(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_not_in_the_source(text: str) -> None:
    interest = Interest(text, "like", 1.0, text, (Evidence("r1", "text", text),))
    profile = InterestProfile(user_id=text, language=text, summary=text, interests=(interest,))
    explanation = Explanation(text, "model", (text,), (Quote("r1", text),))
    item = ScoredItem(
        "i1", text, 1, 0.0, (Because(interest=text, share=1.0),), explanation=explanation
    )
    recommendation = Recommendation(like=text, reason=text, recommendations=(item,))
    assert text not in profile._repr_html_()
    assert text not in recommendation._repr_html_()


def test_a_profile_as_people_see_it() -> None:
    interest = Interest("慢电影", "dislike", 0.5, "太慢", (Evidence("r1", "text", "睡着了"),))
    profile = InterestProfile(user_id="u1", language="zh", summary="急", interests=(interest,))
    assert _checked(profile._repr_html_()) == "u1 (zh): 急 0.5dislike慢电影 太慢睡着了"
    assert "width:3.00em" in profile._repr_html_()


def test_a_list_as_people_see_it() -> None:
    because = (Because(interest="慢电影", share=0.75), Because(interest="海", share=0.25))
    item = ScoredItem("i1", "夜航", 1, 2.3456, because)
    recommendation = Recommendation(user_id="u1", reason="few", recommendations=(item,))
    assert _checked(recommendation._repr_html_()) == "u1few1夜航2.346慢电影 75%, 海 25%"


def test_an_explanation_stands_under_the_title_with_the_words_it_rests_on() -> None:
    explanation = Explanation("慢得好。", "model", ("慢电影",), (Quote("r1", "睡着了"),))
    item = ScoredItem("i1", "夜航", 1, explanation=explanation)
    recommendation = Recommendation(user_id="u1", recommendations=(item,))
    assert _checked(recommendation._repr_html_()) == "u11夜航慢得好。睡着了"


@pytest.mark.parametrize(
    ("recommendation", "shown"),
    [
        (Recommendation(like="安静的电影", recommendations=()), "安静的电影"),
        (Recommendation(recommendations=()), ""),
    ],
)
def test_a_list_for_a_typed_sentence_is_headed_by_it(
    recommendation: Recommendation, shown: str
) -> None:
    assert _checked(recommendation._repr_html_()) == shown
