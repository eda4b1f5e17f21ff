"""Explanations put together from what is known: whose interest, whose words, what entry."""

from dataclasses import replace

import pytest
from explaining import ITEMS, LISTED, PROFILE, QUIET
from hypothesis import given, settings
from hypothesis import strategies as st
from shortlists import interest, profile_of

from llmrec.errors import InputError
from llmrec.records.profile import Evidence, InterestProfile, Source
from llmrec.records.ranking import Because, Explanation, Quote, Recommendation, ScoredItem
from llmrec.records.reviews import Item
from llmrec.reranking.composing import MAX_CHARACTERS, compose, explain_composed
from llmrec.reranking.phrases import phrases_of

LONG = "word " * 60


def scored(item_id: str = "i1", *because: Because, score: float | None = None) -> ScoredItem:
    return ScoredItem(item_id, ITEMS[item_id].title, 1, score, because)


def text_of(item: ScoredItem, profile: InterestProfile = PROFILE) -> str:
    return compose(item, profile, ITEMS).text


def one_item(item: Item, profile: InterestProfile = PROFILE) -> Explanation:
    return compose(ScoredItem(item.item_id, item.title, 1), profile, {item.item_id: item})


def test_the_interest_that_brought_most_with_words_date_item_and_entry() -> None:
    assert compose(
        scored("i1", Because(interest="slow ferries", share=0.8)), PROFILE, ITEMS
    ) == Explanation(
        "You like “slow ferries”: of Harbour Lights you wrote “Gulls, gulls, gulls: I could watch "
        "them for hours” (2024-03-09). Its entry says: “Gulls follow a slow boat to Norway”.",
        "composed",
        ("slow ferries",),
        (Quote("r1", "Gulls, gulls, gulls: I could watch them for hours", 10, 59),),
    )


def test_without_shares_it_is_the_interest_nearest_by_words() -> None:
    explanation = compose(scored("i2"), PROFILE, ITEMS)
    assert explanation.interests == ("quiet films",)
    assert explanation.text == (
        f"You like “quiet films”: you wrote “{QUIET[:-1]}”. "
        "Its entry says: “lighthouses, quiet films”."
    )


def test_of_interests_equally_near_it_is_the_stronger() -> None:
    nothing = Item("i5", "Void")
    assert one_item(nothing).interests == ("slow ferries",)


def test_in_chinese() -> None:
    sea = interest("慢电影", evidence=(Evidence("r1", "text", "雨下得很久。"),), description="慢。")
    profile = profile_of("u", sea, language="zh-CN", sources=PROFILE.sources)
    assert text_of(scored("i3"), profile) == (
        "你喜欢“慢电影”：2024-03-09 评《Harbour Lights》时，你写道“雨下得很久”。"
        "它的介绍说：“慢电影”。"
    )
    assert text_of(scored("i3", Because(part="popularity", share=0.6)), profile).startswith(
        "推荐它，主要是因为很多人选了它。你喜欢"
    )


def test_other_languages_get_english() -> None:
    assert phrases_of("fr") is phrases_of("en-GB") is phrases_of("")
    assert phrases_of("ZH-Hant") is phrases_of("zh")


@pytest.mark.parametrize(
    ("because", "said"),
    [
        (
            Because(part="popularity", share=0.5),
            "This is here mainly because many people chose it. ",
        ),
        (
            Because(part="ease", share=0.4),
            "This is here in part because people chose it together with",
        ),
        (
            Because(part="moon", share=0.4),
            "This is here in part because of “moon”. You like “slow f",
        ),
        (
            Because(part="profile-hub", share=0.9),
            "This is here mainly because it is far from what you dislike. ",
        ),
    ],
)
def test_a_share_that_no_interest_brought_is_called_that(because: Because, said: str) -> None:
    composed = compose(
        scored("i1", because, Because(interest="slow ferries", share=0.3)), PROFILE, ITEMS
    )
    assert composed.text.startswith(said)
    assert composed.interests == ("slow ferries",)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            (
                "This is here in part because it is like what you reviewed, "
                "and because many people chose it, and because of “moon”. "
            ),
        ),
        ("zh", "推荐它，部分是因为它和你评过的东西相似，也因为很多人选了它，也因为“moon”。"),
    ],
)
def test_several_such_shares_are_one_sentence(language: str, said: str) -> None:
    parts = [
        Because(part="item-mean-hub", share=0.4),
        Because(part="popularity", share=0.3),
        Because(part="moon", share=0.2),
    ]
    assert text_of(scored("i1", *parts), replace(PROFILE, language=language)).startswith(said)


def test_parts_that_mean_the_same_are_said_once() -> None:
    parts = [Because(part="profile-hub", share=0.5), Because(part="dislikes", share=0.4)]
    assert text_of(scored("i1", *parts)).startswith(
        "This is here mainly because it is far from what you dislike. "
    )


def test_a_fit_is_weak_where_nothing_names_the_interest_or_the_score_is_no_better() -> None:
    unnamed = "Nothing there names that interest, so the fit may be weak."
    unmatched = "It matches no better than items do on average: a weak fit."
    assert text_of(scored("i2", Because(interest="slow ferries", share=1.0), score=2.0)).endswith(
        unnamed
    )
    assert text_of(scored("i1", Because(interest="slow ferries", share=1.0), score=0.0)).endswith(
        unmatched
    )
    assert text_of(scored("i1", Because(interest="slow ferries", share=1.0), score=0.1)).endswith(
        "Norway”."
    )
    assert text_of(scored("i3", Because(interest="slow ferries", share=1.0))).endswith(
        "“老人在海上漂了三天”."
    )


def test_that_an_interest_brought_next_to_nothing_is_said() -> None:
    aside = "That interest had little to do with it."
    popular, ferries = Because(part="popularity", share=0.9), "slow ferries"
    assert text_of(scored("i1", popular, score=2.0)).endswith(aside)
    assert text_of(scored("i2", popular, score=2.0)).endswith(
        "“lighthouses, quiet films”. " + aside
    )
    of_likes = (Because(interest=ferries, share=0.1), Because(part="profile-tfidf", share=0.1))
    for because in of_likes:
        assert text_of(scored("i1", popular, because, score=2.0)).endswith("Norway”.")


def test_where_only_a_title_speaks_for_an_interest_no_words_are_claimed() -> None:
    titled = interest("ferries", evidence=(Evidence("r1", "title", "Harbour Lights"),))
    profile = profile_of("u", titled, sources=PROFILE.sources)
    explanation = compose(scored("i1"), profile, ITEMS)
    assert explanation.quotes == ()
    assert explanation.text.startswith(
        "You like “ferries”, going by your review of “Harbour Lights” (2024-03-09). Its entry"
    )


def test_where_nothing_is_known_of_the_person_that_is_said() -> None:
    nobody = InterestProfile(user_id="u", language="en", summary="", interests=())
    explanation = compose(scored("i2"), nobody, ITEMS)
    assert (explanation.interests, explanation.quotes) == ((), ())
    assert explanation.text == (
        "What you like is not known yet, so this is little more than a guess. "
        "Its entry says: “A keeper polishes a lamp”."
    )
    assert "Void" not in one_item(Item("i5", "Void"), nobody).text
    assert one_item(Item("i5", "Void"), nobody).text.endswith("has nothing but the title.")


def test_long_words_and_entries_are_cut_between_words() -> None:
    wordy = interest("ferries", evidence=(Evidence("r1", "text", LONG, 0, len(LONG)),))
    explanation = one_item(Item("i5", "Ferries", LONG), profile_of("u", wordy))
    quote = explanation.quotes[0]
    assert quote.quote == LONG[: quote.end]
    assert MAX_CHARACTERS - 5 <= len(quote.quote) <= MAX_CHARACTERS
    assert quote.quote.endswith("word")
    assert f"“{quote.quote}…”" in explanation.text
    endless = interest("ferries", evidence=(Evidence("r1", "text", "夜" * 300),))
    assert len(one_item(Item("i5", "F"), profile_of("u", endless)).quotes[0].quote) == 160


def test_only_the_first_items_are_explained() -> None:
    listed = explain_composed(LISTED, PROFILE, ITEMS, 2)
    assert [item.explanation is not None for item in listed] == [True, True, False, False]
    assert listed[0].explanation == compose(LISTED[0], PROFILE, ITEMS)


def test_an_item_must_be_in_the_catalogue() -> None:
    listed = Recommendation(user_id="u", recommendations=(ScoredItem("i7", "Gone", 1),))
    with pytest.raises(InputError, match="item 'i7' of a list is not in the catalogue"):
        explain_composed(listed, PROFILE, ITEMS)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=200)


@settings(deadline=None)
@given(
    st.sampled_from(["en", "zh", "fr", ""]),
    TEXTS,
    TEXTS.filter(bool),
    st.sampled_from(["text", "title"]),
    TEXTS,
    TEXTS.filter(str.strip),
)
def test_it_is_never_empty_and_quotes_what_was_written(
    language: str, name: str, said: str, field: str, description: str, title: str
) -> None:
    evidence = Evidence("r1", field, said, 3, 3 + len(said))  # type: ignore[arg-type]
    one = interest(name, description=description, evidence=(evidence,))
    source = Source("r1", "i5", "2024-01-02", "d", None)
    profile = profile_of("u", one, language=language, sources=(source,))
    explanation = one_item(Item("i5", title, description, (title,)), profile)
    assert explanation.text.strip()
    assert explanation.interests == (name,)
    for quote in explanation.quotes:
        assert said[(quote.start or 0) - 3 : (quote.end or 0) - 3] == quote.quote
        assert field == "text"
