"""Canonical JSON and its digests."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.digests import canonical_json, digest, file_digest, text_digest
from llmrec.errors import InputError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
        ({"z": {"y": 1, "x": 2}}, '{"z":{"x":2,"y":1}}'),
        (["晚安 🌙", 'a "b"\n'], '["晚安 🌙","a \\"b\\"\\n"]'),
        (5.0, "5.0"),
        ([], "[]"),
    ],
)
def test_canonical_json_is_sorted_without_spaces_characters_as_they_are(
    value: object, text: str
) -> None:
    assert canonical_json(value) == text


@settings(deadline=None)
@given(VALUES)
def test_canonical_json_is_the_value(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical_json(turned) == canonical_json(value)


def test_a_text_digest_is_the_beginning_of_sha_256_of_its_utf_8() -> None:
    assert text_digest("") == "e3b0c44298fc1c149afbf4c8"
    assert text_digest("晚安") == hashlib.sha256(b"\xe6\x99\x9a\xe5\xae\x89").hexdigest()[:24]


def test_a_digest_is_of_the_canonical_json() -> None:
    expected = hashlib.sha256('["/v1",{"a":"晚"}]'.encode()).hexdigest()[:24]
    assert digest(["/v1", {"a": "晚"}]) == expected


def test_a_file_digest_is_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xff\n")
    assert file_digest(path) == hashlib.sha256(b"\xff\n").hexdigest()[:24]
    with pytest.raises(InputError, match="cannot be read: No such file"):
        file_digest(tmp_path / "nothing")
