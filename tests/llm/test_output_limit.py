import pytest

from llmrec.errors import SettingsError
from llmrec.llm.output_limit import limited_output, output_limit


@pytest.mark.parametrize(
    "model", ["o3", "o4-mini", "gpt-5", "gpt-5-mini-2025-08-07", "openai/gpt-5"]
)
def test_models_that_reason_have_a_limit_of_their_own(model: str) -> None:
    assert output_limit(model, 9) == {"max_completion_tokens": 9}


@pytest.mark.parametrize("model", ["gpt-4o", "claude", "our-gpt-5", "qwen/o200", "gpt-oss-20b", ""])
def test_all_others_have_the_old_one(model: str) -> None:
    assert output_limit(model, 9) == {"max_tokens": 9}


@pytest.mark.parametrize(
    ("sampling", "tokens"),
    [
        ({}, None),
        ({"temperature": 0}, None),
        ({"max_tokens": 9}, 9),
        ({"max_completion_tokens": 9, "max_tokens": 7}, 7),
        ({"max_tokens": 9, "n": 3}, 27),
    ],
)
def test_a_limit_is_found_wherever_it_stands(sampling: dict[str, int], tokens: int | None) -> None:
    assert limited_output(sampling) == tokens


@pytest.mark.parametrize("sampling", [{"max_tokens": "many"}, {"max_tokens": 0}, {"n": -1}])
def test_a_limit_that_is_none_is_refused(sampling: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="expected numbers from 1"):
        limited_output(sampling)
