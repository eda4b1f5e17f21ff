"""Whether a text says only what is known: its numbers, names and quotations are looked up.

It checks words, not sense: what it lets pass can still be wrong, and what it stops can be right.
docs/explaining.md says how often it stops what, case by case.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, takewhile

from llmrec.llm.tokens import count_tokens
from llmrec.records.writing import CJK, main_script, script
from llmrec.reranking.numerals import chinese_numbers, spelled_value

MIN_STEM = 4
"""Letters that two forms of a name share at their beginning, at least (Swedish, Sweden)."""

MAX_ENDING = 4
"""Letters that may follow the stem in either form, at most."""

_NOUNS_HAVE_CAPITALS = ("de", "lb")
"""Languages where a capital says nothing of a name."""

_LETTERS = r"[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"  # and digits, but no characters
_WORD = re.compile(f"{_LETTERS}(?:[-‐‑]{_LETTERS})*")
_HYPHEN = re.compile("[-‐‑]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LABEL = re.compile(r"(?!\d+s$)(?=.*\d)(?=.*[^\W\d]).+")  # P3, but not 1970s
_SENTENCE_START = re.compile(r"(?:^|[.?!:;…。！？：；“”\"„«»([{—–])\s*$")
_QUOTATION = re.compile(r'“([^”]+)”|"([^"]+)"|„([^“”]+)[“”]|«([^»]+)»|「([^」]+)」|『([^』]+)』')
_DOTTED = re.compile(r"[\u3400-\u9fff]{1,2}[·・][\u3400-\u9fff]")  # foreign names, in part
_TITLE = re.compile("《([^》]+)》")
_OMISSION = re.compile(r"…+|\.{3}")
_PUNCTUATION = " .,;:!?。，、；：！？"
_APOSTROPHES = str.maketrans("’‘", "''")
_OF_THE_MACHINE = frozenset({"profile", "profiles", "weight", "weights", "score", "scores"})
_OF_THE_MACHINE_CJK = ("画像", "权重", "得分", "分数")


class KnownWords:
    """All that may be said of an item to a person, as a place to look words up.

    Args:
        entry: of the item.
        said: what the person wrote.
    """

    def __init__(self, entry: str, said: Sequence[str]) -> None:
        self._text = _plain("\n".join((entry, *said)))
        self._script = main_script(entry)
        words = _words(self._text)
        self._words = {word.lower() for word in words}
        self._names = {word.lower() for word in words if word[0].isupper()}
        self._numbers = {_digits(number) for number in _NUMBER.findall(self._text)}
        self._numbers |= {value for word in self._words if (value := spelled_value(word))}

    def unknown(self, text: str, language: str, ids: Sequence[str] = ()) -> str | None:
        """Return the first thing in a text that is not known here, described, or None.

        Names and numbers written out are looked up only where the item's entry is in the script of
        the text, or of the name: transliterated ones cannot be found. Digits, quotations and ids
        always.

        Args:
            text: what is said.
            language: BCP 47 tag of the text.
            ids: of the item, the person and the reviews, which have no place in a text.
        """
        plain = _plain(text)
        found = chain(
            self._quotations(plain),
            self._inner_matters(plain, ids),
            self._numbers_in(plain),
            self._names_in(plain, language),
        )
        return next(found, None)

    def _quotations(self, text: str) -> Iterator[str]:
        for match in _QUOTATION.finditer(text):
            quoted = next(group for group in match.groups() if group)
            parts = (part.strip(_PUNCTUATION) for part in _OMISSION.split(quoted))
            if not all(part in self._text for part in parts):
                yield f"the quotation “{quoted}”"

    def _numbers_in(self, text: str) -> Iterator[str]:
        for number in _NUMBER.findall(text):
            if _digits(number) not in self._numbers:
                yield f"the number {number}"
        comparable = self._scripts_comparable(text)
        for word in _words(text):
            value = spelled_value(word.lower())
            if value and script(word[0]) in comparable and value not in self._numbers:
                yield f"the number {word}"
        if self._script == CJK:
            numbers = chinese_numbers(text)
            yield from (f"the number {n}" for n in numbers if n not in self._text)

    def _inner_matters(self, text: str, ids: Sequence[str]) -> Iterator[str]:
        words = _words(text)
        for word in words:
            if _LABEL.fullmatch(word) and word.lower() not in self._words:
                yield f"the id {word}"
        for name in ids:
            is_word = name.isalpha()  # an id that is one cannot be told from a word
            if not is_word and _stands_in(name, text) and not _stands_in(name, self._text):
                yield f"the id {name}"
        said = {word.lower() for word in words} & _OF_THE_MACHINE
        yield from (f"the word {word}" for word in sorted(said - self._words))
        for word in _OF_THE_MACHINE_CJK:
            if word in text and word not in self._text:
                yield f"the word {word}"

    def _names_in(self, text: str, language: str) -> Iterator[str]:
        if self._script == CJK:
            titles = (match[1] for match in _TITLE.finditer(text))
            yield from (f"the title 《{title}》" for title in titles if title not in self._text)
            dotted = _DOTTED.findall(text)
            yield from (f"the name {name}" for name in dotted if name not in self._text)
        if language.lower().startswith(_NOUNS_HAVE_CAPITALS):
            return
        comparable = self._scripts_comparable(text)
        for match in _WORD.finditer(text):
            first, *others = _HYPHEN.split(match[0])
            begins = _SENTENCE_START.search(text, 0, match.start()) is not None
            names = [part for part in others if _is_capital(part)]
            if _is_capital(first) and not (begins and _is_common(first)):
                names.append(first)
            names = [name for name in names if script(name[0]) in comparable]
            if names and not any(map(self._knows, names)):
                yield f"the name {match[0]}"

    def _knows(self, name: str) -> bool:
        small = name.lower()
        return small in self._words or any(_are_forms_of_one(small, known) for known in self._names)

    def _scripts_comparable(self, text: str) -> frozenset[str | None]:
        """Return the scripts whose words, in this text, should stand in the sources."""
        own = (
            {script(character) for character in text}
            if main_script(text) == self._script
            else set()
        )
        return frozenset(own | {self._script})


def _words(text: str) -> list[str]:
    return [part for word in _WORD.findall(text) for part in _HYPHEN.split(word)]


def _plain(text: str) -> str:
    return text.translate(_APOSTROPHES)


def _digits(number: str) -> str:
    return number.replace(",", "")


def _is_capital(word: str) -> bool:
    return word[0].isupper() and len(word) > 1


def _is_common(word: str) -> bool:
    """Say whether a word is so common that its small form is one token: not so of most names."""
    return count_tokens(f" {word.lower()}") == 1


def _are_forms_of_one(name: str, known: str) -> bool:
    pairs = zip(name, known, strict=False)
    stem = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return stem >= MIN_STEM and max(len(name), len(known)) - stem <= MAX_ENDING


def _stands_in(name: str, text: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", text) is not None
