"""The names of the package."""

import importlib
import inspect
from types import ModuleType

import pytest

import llmrec


@pytest.mark.parametrize("name", llmrec.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(llmrec, name)
    assert value is getattr(importlib.import_module(f"llmrec.{llmrec._HOMES[name]}"), name)
    assert value.__module__ == f"llmrec.{llmrec._HOMES[name]}"
    assert inspect.getdoc(value)


def test_public_names_are_sorted_and_each_has_a_home() -> None:
    assert llmrec.__all__ == sorted(llmrec.__all__)
    assert set(llmrec.__all__) == set(llmrec._HOMES)
    assert len(llmrec._HOMES) == sum(len(names.split()) for names in llmrec._MODULES.values())


def test_dir_lists_the_public_names() -> None:
    assert dir(llmrec) == llmrec.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'llmrec' has no attribute 'Recomender'"):
        _ = llmrec.Recomender
    assert not hasattr(llmrec, "_secret")


def test_what_type_checkers_see_is_what_there_is() -> None:
    source = inspect.getsource(llmrec)
    seen: ModuleType = ModuleType("seen")
    lines = source.split("if TYPE_CHECKING:\n")[1].split("\n_MODULES")[0]
    exec(inspect.cleandoc(lines), seen.__dict__)
    assert set(llmrec.__all__) <= vars(seen).keys()
    assert all(getattr(llmrec, name) is getattr(seen, name) for name in llmrec.__all__)
