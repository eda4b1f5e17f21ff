import pytest

from llmrec.llm.pricing import Price, known_price


@pytest.mark.parametrize("server", [None, "https://api.openai.com/v1", "http://127.0.0.1:8080/v1"])
def test_a_price_is_known_by_the_models_name(server: str | None) -> None:
    assert known_price("gpt-4o-mini", server) == Price("openai", 0.15, 0.6)


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
