"""What a server may do instead of answering, each under the name it has in docs/live.md."""

from dataclasses import replace
from typing import Any

from serving.openai_server import Answer, Received, completion, embeddings

# Refusals, with the words that servers have for them


def refusal(status: int, message: str, code: str | None = None, **headers: str) -> Answer:
    """Return an error in the API's shape; ``retry_after_ms="5"`` becomes a header."""
    error = {"message": message, "type": "error", "param": None, "code": code}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"error": error}, named)


def busy(**headers: str) -> Answer:
    text = "Rate limit reached. Add a payment method at https://example.org/account/billing"
    return refusal(429, text, "rate_limit_exceeded", **headers)


NO_QUOTA = refusal(429, "You exceeded your current quota", "insufficient_quota")
BROKEN = refusal(500, "The server had an error")
OVERLOADED = refusal(503, "Overloaded")
PROXY_PAGE = Answer(502, b"<html><title>502 Bad Gateway</title></html>")
WRONG_KEY = refusal(401, "Incorrect API key provided", "invalid_api_key")
FORBIDDEN = refusal(403, "Your project has no access to this")
WRONG_MODEL = refusal(404, "The model 'huge' does not exist", "model_not_found")
WRONG_PATH = Answer(404, {"detail": "Not Found"})
TOO_LONG = refusal(400, "This model's maximum context length is 8 tokens", "context_length")
NO_TEMPERATURE = refusal(400, "Unsupported value: 'temperature'", "unsupported_value")
NO_MONEY = refusal(402, "Insufficient balance")

# Connections

CUT_BEFORE = Answer(cut="before")
CUT_WITHIN = Answer(body=completion("{}"), cut="within")
SLOW = Answer(body=completion("{}"), held=True)

# Answers that are not what the API promises

NO_JSON = Answer(body=b"I am not JSON")
NO_OBJECT = Answer(body=["a", "list"])
NO_CHOICES = Answer(body={"choices": []})
ERROR_IN_200 = Answer(body={"error": {"message": "upstream failed", "code": 502}})

# Replies that cannot be used

CUT_OFF = Answer(body=completion('{"language": "en", "summ', "length"))
FILTERED = Answer(body=completion(None, "content_filter"))
REFUSED = Answer(body=completion(None, refusal="I cannot help with that."))
EMPTY = Answer(body=completion(""))
PROSE = Answer(body=completion("I would rather not."))


def without_usage(content: str) -> Answer:
    return Answer(body=completion(content, usage=None))


def redirect(location: str, status: int = 307) -> Answer:
    return Answer(status, b"", {"Location": location})


def refusing_formats(*names: str, answered: str = "{}") -> Any:
    """Return a script that refuses these response formats and answers the rest ``answered``."""

    def script(request: Received) -> Answer:
        asked = request.body.get("response_format", {"type": "text"})["type"]
        if asked in names:
            return refusal(400, f"response_format of type {asked} is not supported here")
        return Answer(body=completion(answered))

    return script


def echoing(header: str = "authorization", status: int = 401) -> Any:
    """Return a script that repeats a header of the request wherever it can."""

    def script(request: Received) -> Answer:
        said = request.headers[header]
        if status == 200:
            return Answer(body=completion(said))
        if 300 <= status < 400:
            return redirect(f"http://127.0.0.1:1/{said}", status)
        return replace(refusal(status, f"what is {said}?", said), headers={"X-Echo": said})

    return script


# Embeddings


def altered(alter: Any, **changes: Any) -> Any:
    """Return a script that answers with embeddings whose list ``alter`` has changed."""

    def script(request: Received) -> Answer:
        body = embeddings(request)
        return Answer(body=body | {"data": alter(body["data"])} | changes)

    return script


def _with_first(values: Any) -> Any:
    return altered(lambda data: [data[0] | {"embedding": values(data[0]["embedding"])}, *data[1:]])


BACKWARDS = altered(lambda data: data[::-1])
FEWER = altered(lambda data: data[1:])
ONE_INDEX = altered(lambda data: [entry | {"index": 0} for entry in data])
NO_INDEX = altered(lambda data: [{"embedding": entry["embedding"]} for entry in data])
SHORTER_FIRST = _with_first(lambda row: row[:-1])
ZERO_FIRST = _with_first(lambda row: [0.0] * len(row))
NAN_FIRST = _with_first(lambda row: [float("nan"), *row[1:]])
NULL_FIRST = _with_first(lambda row: [None, *row[1:]])
TEXT_FIRST = _with_first(lambda row: "AAAA")
EMPTY_ROWS = altered(lambda data: [entry | {"embedding": []} for entry in data])
