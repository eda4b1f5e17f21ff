"""Where the packaged files are."""

from pathlib import Path

import pytest

from llmrec import resources
from llmrec.resources import resource_dir


@pytest.mark.parametrize(
    ("name", "file"), [("prompts", "extract_profile.user.md"), ("demo", "items.jsonl")]
)
def test_packaged_files_are_found(name: str, file: str) -> None:
    assert (resource_dir(name) / file).is_file()


def test_files_in_the_package_go_before_those_beside_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    inside, beside = tmp_path / "inside", tmp_path / "beside"
    monkeypatch.setitem(resources._PLACES, "demo", (inside, beside))
    beside.mkdir()
    assert resource_dir("demo") == beside
    inside.mkdir()
    assert resource_dir("demo") == inside


def test_an_incomplete_installation_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(resources._PLACES, "demo", (tmp_path / "no", tmp_path / "neither"))
    with pytest.raises(FileNotFoundError, match=r"the demo files .* install the package again"):
        resource_dir("demo")
