"""Looking at the embedder, and at the file of its vectors."""

from pathlib import Path

from llmrec.doctor.check import Check
from llmrec.doctor.places import why_not_writable
from llmrec.doctor.servers import hurried, reach
from llmrec.errors import LLMRecError, SettingsError
from llmrec.llm.openai_client import Server
from llmrec.llm.openai_embedder import OpenAIEmbedder
from llmrec.llm.vectors import VectorsFile
from llmrec.matching.embedding import LEXICAL, LOCAL, EmbedderChoice, live_embedder
from llmrec.opening import ServerChoice, open_server

_TEXT = "A quiet film."


async def embedder_check(choice: EmbedderChoice, server_choice: ServerChoice) -> Check:
    """Have one short text embedded, once as a query and once as a passage."""
    name = "embedder"
    server = None
    try:
        if choice.name not in (LEXICAL, LOCAL):
            server = _server(server_choice)
        if server is not None:
            reached, _ = await reach(server)
            if reached.status == "failed":
                return Check(name, "failed", reached.found, reached.advice)
        return Check(name, "ok", await _embedded(choice, server))
    except (LLMRecError, ImportError, OSError) as error:
        return Check(name, "failed", str(error))
    finally:
        if server is not None:
            await server.aclose()


def vectors_check(path: str | None, choice: EmbedderChoice) -> Check:
    """Look at the vectors file: whose vectors it holds, and whether it can be added to."""
    name = "vectors"
    if path is None:
        return Check(name, "skipped", "no file named: new ones are kept in the index")
    if choice.name == LEXICAL:
        return Check(name, "failed", "the lexical embedder is always computed", "leave it out")
    try:
        vectors = VectorsFile(path, choice.key_model)
    except LLMRecError as error:
        return Check(name, "failed", str(error))
    wrong = why_not_writable(Path(path)) or why_not_writable(Path(path + ".part"))
    if wrong:
        return Check(name, "failed", f"{path}: {wrong}", "name another file with --vectors")
    return Check(name, "ok", f"{path}: {len(vectors):,} of {choice.key_model}, can be added to")


def _server(choice: ServerChoice) -> Server | None:
    server = open_server(choice)
    return None if server is None else hurried(server)


async def _embedded(choice: EmbedderChoice, server: Server | None) -> str:
    """Embed, and say what came.

    Raises:
        SettingsError: there is no such embedder, it is not installed, or its two roles do not fit.
        ChatError: the server gave no vectors.
    """
    embedder = live_embedder(choice, server)
    queries, passages = (
        await embedder.embed([_TEXT], "query"),
        await embedder.embed([_TEXT], "passage"),
    )
    if queries.shape != passages.shape:
        raise SettingsError(
            f"{embedder.model}: queries have {queries.shape[1]} dims and passages "
            f"{passages.shape[1]}: name two models of the same dims"
        )
    spent = f" ({embedder.input_tokens} tokens)" if isinstance(embedder, OpenAIEmbedder) else ""
    return f"{embedder.model}: {queries.shape[1]} dims{spent}"
