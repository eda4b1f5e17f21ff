"""The sentences that explanations are composed of, by language."""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Final


@dataclass(frozen=True, slots=True)
class Phrases:
    """Templates of one language; what is put in is never looked into.

    Attributes:
        wrote: an interest, and what the person wrote of it.
        chose: an interest that only the title of a reviewed item speaks for.
        unknown: nothing is known that the person likes.
        of_item: the item that the person wrote of.
        on_date: when.
        mainly: parts of the score that are no interests, where the first brought half or more.
        partly: the same, where it brought less.
        also: what stands between such parts.
        parts: what such a part means.
        any_part: the same of a part that is not among them.
        entry: what the item's entry says.
        bare: where it says nothing.
        unnamed: the entry has no word of the interest's name.
        aside: the interest brought next to nothing of the score.
        unmatched: the item matches no better than items do on average.
        between: what stands between sentences.
    """

    wrote: Template
    chose: Template
    unknown: str
    of_item: Template
    on_date: Template
    mainly: Template
    partly: Template
    also: str
    parts: Mapping[str, str]
    any_part: Template
    entry: Template
    bare: str
    unnamed: str
    aside: str
    unmatched: str
    between: str


_ENGLISH = Phrases(
    wrote=Template("You like “$interest”: ${of_item}you wrote “$quote”$on_date."),
    chose=Template("You like “$interest”, going by your review of “$quote”$on_date."),
    unknown="What you like is not known yet, so this is little more than a guess.",
    of_item=Template("of $title "),
    on_date=Template(" ($date)"),
    mainly=Template("This is here mainly because $parts."),
    partly=Template("This is here in part because $parts."),
    also=", and because ",
    parts={
        "popularity": "many people chose it",
        "popularity-decayed": "many people chose it lately",
        "ease": "people chose it together with what you reviewed",
        "item-mean-hub": "it is like what you reviewed",
        "tfidf-items": "its entry is worded like those of what you reviewed",
        "profile-tfidf": "its entry has words of your interests",
        "profile-hub": "it is far from what you dislike",
        "dislikes": "it is far from what you dislike",
    },
    any_part=Template("of “$part”"),
    entry=Template("Its entry says: “$fragment”."),
    bare="Its entry has nothing but the title.",
    unnamed="Nothing there names that interest, so the fit may be weak.",
    aside="That interest had little to do with it.",
    unmatched="It matches no better than items do on average: a weak fit.",
    between=" ",
)

_CHINESE = Phrases(
    wrote=Template("你喜欢“$interest”：$on_date${of_item}你写道“$quote”。"),
    chose=Template("你喜欢“$interest”：$on_date你评过“$quote”。"),
    unknown="还不知道你喜欢什么，所以这差不多只是一个猜测。",
    of_item=Template("评《$title》时，"),
    on_date=Template("$date "),
    mainly=Template("推荐它，主要是因为$parts。"),
    partly=Template("推荐它，部分是因为$parts。"),
    also="，也因为",
    parts={
        "popularity": "很多人选了它",
        "popularity-decayed": "最近很多人选了它",
        "ease": "它常和你评过的东西一起被选中",
        "item-mean-hub": "它和你评过的东西相似",
        "tfidf-items": "它的介绍和你评过的东西用词相近",
        "profile-tfidf": "它的介绍里有你兴趣中的词",
        "profile-hub": "它和你不喜欢的东西相差很远",
        "dislikes": "它和你不喜欢的东西相差很远",
    },
    any_part=Template("“$part”"),
    entry=Template("它的介绍说：“$fragment”。"),
    bare="它的介绍只有标题。",
    unnamed="介绍里没有提到这一兴趣，也许不太合适。",
    aside="这一兴趣与此关系不大。",
    unmatched="它并不比一般的条目更贴近你的兴趣，只能算勉强合适。",
    between="",
)

_BY_LANGUAGE: Final = {"en": _ENGLISH, "zh": _CHINESE}


def phrases_of(language: str) -> Phrases:
    """Return the sentences of a BCP 47 tag's language; English where there are none."""
    return _BY_LANGUAGE.get(language.lower().split("-")[0], _ENGLISH)
