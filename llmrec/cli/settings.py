"""Settings from ``llmrec.toml``, or from ``[tool.llmrec]`` in ``pyproject.toml``."""

import tomllib
from pathlib import Path
from typing import Any

from llmrec.cli import cost_options, evaluation_options, list_options, options
from llmrec.cli.setting_option import SettingOption
from llmrec.errors import SettingsError

SETTINGS = {
    option.setting: option.parameter
    for module in (options, list_options, cost_options, evaluation_options)
    for option in vars(module).values()
    if isinstance(option, SettingOption)
}
"""Name of each setting, and of the parameter that takes it."""


def read_settings() -> dict[str, Any]:
    """Return the settings of the current folder, by name of the option's parameter.

    Raises:
        SettingsError: the file is not TOML, or a setting is unknown.
    """
    own = Path("llmrec.toml")
    if own.exists():
        return _checked(_toml(own), own)
    project = Path("pyproject.toml")
    if project.exists():
        tools = _table(_toml(project).get("tool", {}), project)
        return _checked(_table(tools.get("llmrec", {}), project), project)
    return {}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: not a settings file: {error}") from None


def _table(value: object, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(f"{path}: a table [tool.llmrec] is expected, came {value!r}")
    return value


def _checked(settings: dict[str, Any], path: Path) -> dict[str, Any]:
    named = {name.replace("-", "_"): value for name, value in settings.items()}
    unknown = sorted(named.keys() - SETTINGS.keys())
    if unknown:
        raise SettingsError(
            f"{path}: unknown settings {', '.join(unknown)}: "
            f"there are {', '.join(sorted(SETTINGS))}"
        )
    return {SETTINGS[name]: value for name, value in named.items()}
