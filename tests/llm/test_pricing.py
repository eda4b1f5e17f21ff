import re

import pytest

from llmrec.errors import SettingsError
from llmrec.llm.chat import Usage
from llmrec.llm.pricing import Price, known_price, price_list


@pytest.mark.parametrize("server", [None, "https://api.openai.com/v1", "http://127.0.0.1:8080/v1"])
def test_a_price_is_known_by_the_models_name(server: str | None) -> None:
    assert known_price("gpt-4o-mini", server) == Price("openai", 0.15, 0.6, 0.075)


def test_a_known_server_decides_whose_price_it_is() -> None:
    price = known_price("openai/gpt-4o-mini", "https://openrouter.ai/api/v1")
    assert price is not None
    assert price.provider == "openrouter"
    assert known_price("openai/gpt-4o-mini") is None


def test_of_prices_that_grow_with_the_prompt_the_first_is_meant() -> None:
    price = known_price("claude-sonnet-4-5")
    assert price is not None
    assert (price.input_usd, price.output_usd) == (3, 15)


@pytest.mark.parametrize("model", ["", "a model of our own", "SmolLM2-135M-Instruct"])
def test_other_prices_are_not_known(model: str) -> None:
    assert known_price(model) is None
    assert known_price(model, "https://api.openai.com/v1") is None


def test_cached_tokens_cost_their_own_price() -> None:
    price = Price("x", input_usd=2, output_usd=10, cached_usd=0.5)
    assert price.cost_usd(Usage(1_000_000, 100_000)) == 3
    assert price.cost_usd(Usage(1_000_000, 100_000, cached_tokens=400_000)) == 1.2 + 0.2 + 1


@pytest.mark.parametrize(
    ("text", "dollars"),
    [("0.25,2", (0.25, 2, 0.25)), ("3, 15 ,0.3", (3, 15, 0.3)), ("0,0", (0,) * 3)],
)
def test_a_price_can_be_given(text: str, dollars: tuple[float, float, float]) -> None:
    assert Price.parse(text) == Price("given", *dollars)


@pytest.mark.parametrize("text", ["", "1", "1,2,3,4", "a,b", "-1,2", "nan,1", "1,inf"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"came {text!r}")):
        Price.parse(text)


def test_the_price_given_stands_for_every_model() -> None:
    given = Price("given", 1, 2, 1)
    assert price_list(given)("gpt-4o-mini", "") == given
    known = price_list(None)
    assert known("gpt-4o-mini", "") == known_price("gpt-4o-mini")
    assert known("our own", "http://127.0.0.1/v1") is None
