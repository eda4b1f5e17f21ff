"""Every error this package raises on purpose.

    LLMRecError
    ├── InputError          a file, row or argument is wrong
    │   └── NoHistory           a split leaves a user no review to make a profile of
    ├── SettingsError       a setting is missing or contradicts another
    ├── PromptError         a prompt's placeholder is unknown or missing
    ├── BudgetExceeded      the next call could pass the budget; what was paid for is kept
    ├── ChatError
    │   ├── ChatUnavailable     timeout, 429, 5xx: worth another try
    │   ├── ChatRejected        400, 401, 403, 404: not worth another try
    │   │   └── FormatRefused       it is the response format that the server does not take
    │   └── ChatIncomplete      cut off, filtered or refused
    ├── ReplyInvalid        the reply is not what was asked for
    ├── RecordingMissing    replaying, and there is no such call or vector
    ├── Stopped             no call is made any more, because somebody asked to stop
    ├── IndexMismatch       vectors of two embedders, dims or catalogues were mixed
    └── LeakageError        a profile has seen what the evaluation holds out

A message says what was expected, what came and what to do.
"""

from collections.abc import Sequence


class LLMRecError(Exception):
    """Base of all errors of this package."""


class InputError(LLMRecError):
    """A file, row or argument is wrong.

    Attributes:
        path: the file, or None for an argument.
        line: line of the decompressed text, counted from 0 (for CSV the record after the
            header, from 0), or None where the whole file is meant.
    """

    def __init__(self, what: str, *, path: object = None, line: int | None = None) -> None:
        self.what = what
        self.path = None if path is None else str(path)
        self.line = line
        where = [] if path is None else [self.path or ""]
        if line is not None:
            where.append(f"line {line} (counted from 0)")
        super().__init__(f"{', '.join(where)}: {what}" if where else what)


class NoHistory(InputError):
    """A split leaves a user no review to make a profile of: one fails, not the others."""


class SettingsError(LLMRecError):
    """A setting is missing or contradicts another."""


class PromptError(LLMRecError):
    """A prompt file is missing, or one of its placeholders is unknown or missing."""


class BudgetExceeded(LLMRecError):
    """The next call could pass the budget; everything paid for is kept."""


class ChatError(LLMRecError):
    """A model's server gave no usable answer."""


class ChatUnavailable(ChatError):
    """Timeout, cut connection, 429 or 5xx: another try may succeed.

    Attributes:
        retry_after_s: how long the server asks to wait, or None.
    """

    def __init__(self, what: str, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(what)


class ChatRejected(ChatError):
    """The server refuses this request (400, 401, 403, 404): another try would not help.

    Attributes:
        status: the HTTP status, or None.
        body: what the server said, without any key.
        of_any_request: whether it would refuse every other request too: wrong key or model,
            quota used up, another address.
    """

    def __init__(self, what: str, status: int | None = None, body: object = None) -> None:
        self.status = status
        self.body = body
        self.of_any_request = status in (401, 402, 404, 429) or 300 <= (status or 0) < 400
        super().__init__(what)


class FormatRefused(ChatRejected):
    """The server does not take this response format."""


class ChatIncomplete(ChatError):
    """The reply was cut off, filtered or refused."""


class ReplyInvalid(LLMRecError):
    """A reply is not what was asked for.

    Attributes:
        what: what is wrong with it.
        reply: the text that came.
    """

    def __init__(self, what: str, reply: str) -> None:
        self.what = what
        self.reply = reply
        super().__init__(f"{what}; the reply begins {reply[:120]!r}")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.what, self.reply)


class RecordingMissing(LLMRecError):
    """Replaying, and something was never recorded.

    Attributes:
        missing: one text for each thing that is missing.
        hint: what to do.
    """

    def __init__(self, missing: Sequence[str], hint: str) -> None:
        self.missing = tuple(missing)
        self.hint = hint
        super().__init__("\n".join([*self.missing, hint]))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.missing, self.hint)


class Stopped(LLMRecError):
    """Somebody asked to stop: no further call is made, what was paid for is kept."""


class IndexMismatch(LLMRecError):
    """Vectors of two embedders, dims or catalogues were mixed."""


class LeakageError(LLMRecError):
    """A profile has seen what the evaluation holds out."""
