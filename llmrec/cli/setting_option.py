"""Options that are settings too: each has its LLMREC_… variable and its name in llmrec.toml."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class SettingOption:
    """A click option that is also a setting and an environment variable; decorates commands.

    Args:
        flag: as ``--name``.
        names: shorter flags, and the parameter's name where it is another than the flag's.
        attributes: as for ``click.option``.

    Attributes:
        setting: its name in a settings file.
        parameter: the command's parameter that takes it.
    """

    def __init__(self, flag: str, *names: str, **attributes: Any) -> None:
        self.setting = flag.removeprefix("--").replace("-", "_")
        self.parameter = next((name for name in names if not name.startswith("-")), self.setting)
        variable = f"LLMREC_{self.setting.upper()}"
        self._option = click.option(flag, *names, envvar=variable, show_envvar=True, **attributes)

    def __call__(self, function: F) -> F:
        """Add the option to a command."""
        return self._option(function)
