"""Where the files that come with the package are: in the wheel, or in the checkout beside it."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PLACES = {
    "prompts": (_PACKAGE / "_data" / "prompts", _PACKAGE.parent / "prompts"),
    "demo": (_PACKAGE / "_data" / "demo", _PACKAGE.parent / "fixtures" / "demo"),
}


def resource_dir(name: str) -> Path:
    """Return the folder of packaged files called ``name`` (``prompts`` or ``demo``).

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for place in _PLACES[name]:
        if place.is_dir():
            return place
    raise FileNotFoundError(f"the {name} files of llmrec are missing: install the package again")
