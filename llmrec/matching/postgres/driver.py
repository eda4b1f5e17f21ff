"""What it takes to reach a database."""

import importlib.util

from llmrec.errors import SettingsError


def refuse_without_driver() -> None:
    """Say so where the extra is not installed.

    Raises:
        SettingsError: it is not.
    """
    if not all(map(importlib.util.find_spec, ("psycopg", "pgvector"))):
        raise SettingsError(
            "an index in PostgreSQL needs a driver that is not installed: "
            "pip install 'llmrec[postgres]'"
        )
