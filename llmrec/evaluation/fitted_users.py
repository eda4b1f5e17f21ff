"""Which users weights were fitted on: they must not be evaluated with them."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from llmrec.errors import InputError
from llmrec.records.messages import first_problem
from llmrec.records.profile import FORMAT, Format
from llmrec.records.reviews import RECORD, Id


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class FittedUsers:
    """What an audit reads of a file of weights; its other keys are the scorer's.

    Attributes:
        format: version of the file format.
        users: on whose reviews the weights were fitted.
    """

    format: Format = FORMAT
    users: Annotated[frozenset[Id], Field(strict=False)]


_FITTED_USERS = TypeAdapter(FittedUsers)


def read_fitted_users(path: str | Path) -> frozenset[str]:
    """Return the users that the weights of a file were fitted on.

    Raises:
        InputError: it cannot be read, names no users, or a later version wrote it.
    """
    try:
        return _FITTED_USERS.validate_json(Path(path).read_bytes(), extra="ignore").users
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None
    except ValidationError as error:
        raise InputError(f"not a file of weights: {first_problem(error)}", path=path) from None
