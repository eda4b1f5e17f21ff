"""What may be said of an item: words of its entry and of the person, and no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.reranking.grounding import KnownWords

ENTRY = (
    "The Long Crossing\ncrime, series\n"
    "In 1997 a body lies on the border between Sweden and Denmark, three days before "
    "Christmas. Twelve detectives, 40 years of files."
)
SAID = (
    "Cold, angry, out of season. The THIRD hour with O'Hara…",
    "I don't like Marple's tea 7 times",
)
KNOWN = KnownWords(ENTRY, SAID)

CHINESE = KnownWords(
    "夜航\n慢电影\n1997年，三位老人在海上漂了四十来天。", ("片子里雨下得很久", "看了三遍《灯塔》")
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A body on the border, and two quarrels: no, three days of them in 1997.",
        "You said “Cold, angry, out of season”, and this is cold.",
        'You said "out of season" and «Cold, angry»; 「out of season」.',
        "“Cold … season”",
        "“The THIRD hour with O’Hara”, you wrote.",
        "A Swedish-Danish border, Sweden's and Denmark's.",
        "Forty years; twelve detectives; 12 of them, 3 days.",
        "1997s and 40s, if you like.",
        "O'Hara and Marple would like it. I'd say so.",
        "This is The Long Crossing. Christmas is near.",
        "Here it is: Detectives. Still, Crime.",
        "SERIES and Series",
    ],
)
def test_what_the_sources_say_may_be_said(text: str) -> None:
    known = KnownWords(ENTRY + " two", SAID)
    assert known.unknown(text, "en") is None


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("Made in 1998.", "the number 1998"),
        ("It has 3.5 stars", "the number 3.5"),
        ("It lasts two hours.", "the number two"),
        ("Twenty-five episodes", "the number Twenty"),
        ("A film by Kubrick.", "the name Kubrick"),
        ("Kubrick made it.", "the name Kubrick"),
        ("It is set in Norway.", "the name Norway"),
        ("A Norwegian-German film", "the name Norwegian-German"),
        ("An Austrian body", "the name Austrian"),
        ("On NETFLIX", "the name NETFLIX"),
        ("“Warm, angry”", "the quotation “Warm, angry”"),
        ("“Cold … winter”", "the quotation “Cold … winter”"),
        ('As "a masterpiece"', "the quotation “a masterpiece”"),
        ("Your interest P3", "the id P3"),
        ("As 7P says, P7", "the id 7P"),
        ("You gave it a high score", "the word score"),
        ("Your Profile says so", "the word profile"),
        ("Item film-1997x", "the id 1997x"),
    ],
)
def test_what_they_do_not_say_is_named(text: str, unknown: str) -> None:
    assert KNOWN.unknown(text, "en") == unknown


def test_ids_are_no_part_of_a_text() -> None:
    ids = ("film-long", "u_7", "ann")
    assert KNOWN.unknown("This is film-long.", "en", ids) == "the id film-long"
    assert KNOWN.unknown("Dear u_7", "en", ids) == "the id u_7"
    assert KNOWN.unknown("film-longer, ann", "en", ids) is None
    assert KnownWords("film-long", ()).unknown("This is film-long.", "en", ids) is None


@pytest.mark.parametrize(
    "text",
    [
        "你看了三遍，这部也是慢电影，一个人看最好，十分安静。",
        "三位老人漂了四十来天，1997年的事。",
        "你写过《灯塔》和“雨下得很久”，《夜航》也一样。",
    ],
)
def test_what_chinese_sources_say_may_be_said(text: str) -> None:
    assert CHINESE.unknown(text, "zh") is None


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("五位老人", "the number 五"),
        ("你看了二十遍", "the number 二十"),
        ("1998年", "the number 1998"),
        ("你写过《孤岛》", "the title 《孤岛》"),
        ("你说“雨很久”", "the quotation “雨很久”"),
        ("按你的画像", "the word 画像"),
        ("像英格玛·伯格曼的片子", "the name 格玛·伯"),
    ],
)
def test_what_chinese_sources_do_not_say_is_named(text: str, unknown: str) -> None:
    assert CHINESE.unknown(text, "zh") == unknown


def test_names_and_written_numbers_are_not_looked_up_in_another_script() -> None:
    assert CHINESE.unknown("Old men near Shanghai, for three or five days.", "en") is None
    assert CHINESE.unknown("Old men, 5 days.", "en") == "the number 5"
    assert KNOWN.unknown("丹麦的二十位警探，《长渡》", "zh") is None
    assert KNOWN.unknown("丹麦的警探，Kubrick的片子", "zh") == "the name Kubrick"
    assert CHINESE.unknown("这部慢电影和Kubrick有关", "zh") == "the name Kubrick"


def test_a_capital_says_nothing_where_every_noun_has_one() -> None:
    assert KNOWN.unknown("Ein Film mit Leichen", "de-AT") is None
    assert KNOWN.unknown("Un film avec Kubrick", "fr") == "the name Kubrick"


@given(st.text(st.characters(codec="utf-8")))
def test_a_source_may_be_said_again(text: str) -> None:
    quotes = '“”"„«»「」『』《》'
    plain = "".join(character for character in text if character not in quotes)
    assert KnownWords(plain, ()).unknown(plain, "en") is None


@given(st.text(), st.sampled_from(["en", "zh", "de", "", "?"]))
def test_any_text_is_judged(text: str, language: str) -> None:
    unknown = KNOWN.unknown(text, language)
    assert unknown is None or unknown.startswith("the ")
