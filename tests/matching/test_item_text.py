"""What of an item's entry is embedded."""

import pytest

from llmrec.matching.item_text import item_text
from llmrec.records.reviews import Item


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (Item("a", "Salt Road", "Two sisters walk.", ("film", "drama")),
         "Salt Road. film, drama. Two sisters walk."),
        (Item("a", "Salt Road", "Two sisters walk."), "Salt Road. Two sisters walk."),
        (Item("a", "Salt Road", "", ("film",)), "Salt Road. film"),
        (Item("a", "Salt Road"), "Salt Road"),
    ],
)  # fmt: skip
def test_empty_parts_are_left_out(item: Item, expected: str) -> None:
    assert item_text(item) == expected


def test_categories_beyond_the_twelfth_are_left_out() -> None:
    names = tuple(f"c{n}" for n in range(14))
    assert item_text(Item("a", "Salt Road", "", names)) == f"Salt Road. {', '.join(names[:12])}"


def test_characters_of_the_description_beyond_the_400th_are_left_out() -> None:
    description = "盐" * 399 + "ab"
    assert item_text(Item("a", "Salt Road", description)) == f"Salt Road. {'盐' * 399}a"


def test_characters_are_as_in_the_file() -> None:
    item = Item("a", " Salt &amp; Sand ", "<br>Two\u00a0\nsisters ", (" film",))
    assert item_text(item) == " Salt &amp; Sand .  film. <br>Two\u00a0\nsisters "
