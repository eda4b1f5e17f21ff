"""How often the checks of explanations stop what is said: as recorded, of other items, planted.

    python benchmarks/explanations.py fixtures/demo

Reads explain.jsonl and items.jsonl of the folder. Everything is printed that is stopped as it was
recorded; the other figures are shares of explanations stopped.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from llmrec.profiling.rendering import clean
from llmrec.records.reading import read_items
from llmrec.records.writing import is_short, main_script
from llmrec.reranking.grounding import KnownWords

MAX_WORDS = 45
PLANTED = {
    "a name in a sentence": (" It is by Ingmar Bergman.", "它和Bergman有关。"),
    "a name that begins one": (" Bergman made it.", "Bergman拍了它。"),
    "a year": (" It is from 1983.", "它是1983年的。"),
    "a written number": (" It lasts fifty-eight hours.", "它有五十八集。"),
    "words the person never wrote": (" You asked for “utter bliss”.", "你说过“无比幸福”。"),
    "a Chinese name": ("", "它由张艺谋导演。"),
    "a foreign name in Chinese": ("", "它由英格玛·伯格曼导演。"),
}
"""What is added to each text, by language: nothing of it is in the demo."""


class Said(NamedTuple):
    """An explanation, what it is of, and what the person wrote."""

    language: str
    text: str
    title: str
    line: str
    words: list[str]


def explanations(log: Path) -> Iterator[Said]:
    for line in log.read_text("utf-8").splitlines():
        exchange: dict[str, Any] = json.loads(line)
        asked = exchange["body"]["messages"][1]["content"]
        words = re.findall(r'^    \[R\d+\] "(.*)"$', asked, re.MULTILINE)
        lines = dict(re.findall(r"^\[(I\d+)\] (.*)$", asked, re.MULTILINE))
        language = re.findall(r"^Language: (\w+)", asked, re.MULTILINE)[0]
        content = exchange["response"]["body"]["choices"][0]["message"]["content"]
        for one in json.loads(content)["explanations"]:
            shown = lines[one["item"]]
            yield Said(language, one["text"], shown.split(" | ")[0], shown, words)


def main(folder: Path) -> None:
    items = {item.title: item for item in read_items(folder / "items.jsonl")}
    entries = {
        clean(title)[:160]: clean("\n".join((item.title, *item.categories, item.description)))
        for title, item in items.items()
    }
    said = list(explanations(folder / "explain.jsonl"))
    stopped = [
        (one.title, wrong)
        for one in said
        if (wrong := KnownWords(entries[one.title], one.words).unknown(one.text, one.language))
    ]
    long = [one.title for one in said if not is_short(one.text, MAX_WORDS)]
    print(f"{len(said)} as recorded: {len(stopped)} stopped, {len(long)} too long")
    for title, wrong in stopped:
        print(f"  {title}: {wrong}")
    tried = caught = 0
    for one in said:
        others = [
            entry
            for title, entry in entries.items()
            if title != one.title and main_script(entry) == main_script(one.text)
        ]
        tried += len(others)
        caught += sum(
            KnownWords(entry, one.words).unknown(one.text, one.language) is not None
            for entry in others
        )
    print(f"of another item of the same script: {caught} of {tried} stopped ({caught / tried:.0%})")
    for what, (english, chinese) in PLANTED.items():
        for language, planted in (("en", english), ("zh", chinese)):
            texts = [one for one in said if one.language == language and planted]
            hits = sum(
                KnownWords(entries[one.title], one.words).unknown(one.text + planted, language)
                is not None
                for one in texts
            )
            if texts:
                print(f"{what}, {language}: {hits} of {len(texts)} stopped")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
