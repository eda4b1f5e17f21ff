"""``llmrec batch``: the calls of a command at half the price, within a day."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

import click

from llmrec.cli import flags_of, llmrec, options
from llmrec.cli.json_output import print_json, wants_json
from llmrec.cli.number_range import NumberRange
from llmrec.cli.server_options import calls_a_server
from llmrec.cli.terminal import say
from llmrec.errors import SettingsError
from llmrec.llm.batch_answers import import_answers
from llmrec.llm.batch_folder import BatchFolder, export_batch
from llmrec.llm.calls import CallLog
from llmrec.llm.openai_batch import OpenAIBatches
from llmrec.llm.planning import Plan
from llmrec.opening import ServerChoice, open_server

Step = Callable[[OpenAIBatches], Awaitable[object]]


@click.group("batch")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Have the calls of a command answered within a day, at half the price.

    export, submit, wait, fetch, import; then the command itself, with nothing left to call. Each
    step can be repeated after a stop, and nothing is paid for twice.
    """
    ctx.default_map = dict.fromkeys(command.commands, ctx.default_map)


@command.command(
    "export", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.option("-o", "--output", required=True, metavar="DIR", help="Where the requests go.")
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
@options.output_format
@options.says_on_stderr
def export(output: str, words: tuple[str, ...], output_format: str | None) -> None:
    """Write the requests that a command would make.

    COMMAND is extract, rerank, explain or recommend with all its options, behind those of export;
    it writes nothing itself. What rests on replies that are not there yet is exported by the same
    line again, into another DIR, after they were imported.
    """
    if not {"--dry-run", "--model"} <= flags_of(words[0]):
        raise SettingsError(f"expected a command that calls a chat model, came {words[0]!r}")
    plan = Plan()
    llmrec.main(list(words), prog_name="llmrec", standalone_mode=False, obj=plan)
    _show(export_batch(plan.requests.values(), output), output_format)


@command.command("submit")
@click.argument("folder", metavar="DIR")
@calls_a_server
@options.output_format
@options.says_on_stderr
def submit(folder: str, server: ServerChoice, output_format: str | None) -> None:
    """Begin the batches of DIR on a server, those that were not begun."""
    _show(_run(folder, server, OpenAIBatches.submit), output_format)


@command.command("status")
@click.argument("folder", metavar="DIR")
@calls_a_server
@options.output_format
@options.says_on_stderr
def status(folder: str, server: ServerChoice, output_format: str | None) -> None:
    """Ask how far the batches of DIR are."""
    _show(_run(folder, server, OpenAIBatches.refresh), output_format)


@command.command("wait")
@click.argument("folder", metavar="DIR")
@click.option(
    "--every", "every_s", type=NumberRange(0), default=60.0, show_default=True,
    metavar="SECONDS", help="How long to wait before asking again.",
)  # fmt: skip
@calls_a_server
@options.output_format
@options.says_on_stderr
def wait(folder: str, every_s: float, server: ServerChoice, output_format: str | None) -> int:
    """Wait until the batches of DIR have ended; exit code 1 where one did not complete."""

    async def until_ended(batches: OpenAIBatches) -> None:
        while not await batches.refresh():
            await asyncio.sleep(every_s)

    ended = _run(folder, server, until_ended)
    _show(ended, output_format)
    return 0 if all(part.status == "completed" for part in ended.parts) else 1


@command.command("fetch")
@click.argument("folder", metavar="DIR")
@calls_a_server
@options.output_format
@options.says_on_stderr
def fetch(folder: str, server: ServerChoice, output_format: str | None) -> None:
    """Download the answers and errors of the batches of DIR that have ended, into DIR."""
    _show(_run(folder, server, OpenAIBatches.fetch), output_format)


@command.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--batch", "folder", metavar="DIR", help="Of the requests. Default: the FILEs' own.")
@options.calls
@options.output_format
@options.says_on_stderr
def import_(
    files: tuple[str, ...], folder: str | None, calls: str | None, output_format: str | None
) -> int:
    """Put answers into a call log; exit code 1 where a request is still without one.

    FILEs are output and error files, in any order, also several times.
    """
    if calls is None:
        raise SettingsError("batch import needs --calls LOG, where the answers go")
    requests = BatchFolder(folder or Path(files[0]).parent)
    done = asyncio.run(import_answers(files, requests, CallLog(calls)))
    for label, problem in done.failed.items():
        say(f"{label}: {problem}")
    if wants_json(output_format):
        print_json(json.dumps(asdict(done), ensure_ascii=False))
    else:
        click.echo(
            f"{done.answered} answers imported, {done.known} known before; {len(done.failed)} "
            f"failed, {len(done.expired)} expired, {len(done.missing)} missing; {done.repeated} "
            f"repeated lines, {done.foreign} of other requests"
        )
    return 1 if done.open else 0


def _run(path: str, choice: ServerChoice, step: Step) -> BatchFolder:
    """Take a step with the batches of a folder, and return the folder as it is then.

    Raises:
        SettingsError: nothing says which server to call.
    """
    folder, server = BatchFolder(path), open_server(choice)
    if server is None:
        raise SettingsError(
            "nothing says which server to call: set OPENAI_API_KEY, or --base-url (LLMREC_BASE_URL)"
        )

    async def whole() -> None:
        try:
            await step(OpenAIBatches(server, folder))
        finally:
            await server.aclose()

    asyncio.run(whole())
    return folder


def _show(folder: BatchFolder, output_format: str | None) -> None:
    if wants_json(output_format):
        parts = [asdict(part) for part in folder.parts]
        print_json(json.dumps({"batch": str(folder.path), "parts": parts}, ensure_ascii=False))
        return
    for part in folder.parts:
        fetched = "".join(f", {name}" for name in part.fetched)
        state = part.status or "not submitted"
        click.echo(f"{folder.path / part.input}: {part.requests:,} requests, {state}{fetched}")
