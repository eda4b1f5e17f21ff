"""``llmrec show``: profiles as a person wants to read them."""

import click
from rich.console import Console

from llmrec.cli import options
from llmrec.cli.output import print_profile
from llmrec.errors import InputError
from llmrec.records.profile import read_profiles


@click.command("show")
@click.argument("profiles")
@options.user
@options.says_on_stderr
def command(profiles: str, user: str | None) -> None:
    """Show PROFILES as a person wants to read them."""
    console = Console(highlight=False)
    found = False
    for profile in read_profiles(profiles):
        if user is None or profile.user_id == user:
            if found:
                console.print()
            print_profile(console, profile)
            found = True
    if user is not None and not found:
        raise InputError(f"no profile of user {user!r}", path=profiles)
