"""A call log of a million lines: memory, opening, and adding to it.

    python benchmarks/call_log.py [--quick] [--lines 1000000] [--folder DIR]

Builds a log of lines of about 10 kB (a million of them need 10 GB in DIR, which is left as it
was), and measures, each in a process of its own: reading the file a line at a time and doing
nothing; opening it as a call log without its side index, with it, and with it but 20,000 lines
behind; then what it costs to add, 200 callers at once: written in groups, with one fsync a line,
and in groups without any. The last line is one JSON object.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from llmrec.llm.call_appending import append_lines
from llmrec.llm.call_lines import exchange_line
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatRequest, Message
from llmrec.llm.side_index import SideIndex
from llmrec.records.locking import locked

_LINE_BYTES = 10_000
_CALLERS = 200
_FINDS = 2_000
_LATE = 20_000


def exchange(number: int, text: str) -> tuple[ChatRequest, dict[str, object]]:
    """Return a request of about 7,700 characters and a reply of about 1,900."""
    start = number * 37 % (len(text) - 8_000)
    request = ChatRequest(
        "tiny",
        (Message("system", "Read."), Message("user", f"{number} {text[start : start + 7_600]}")),
        label=f"extract_profile/u{number}",
    )
    message = {"role": "assistant", "content": text[start : start + 1_800]}
    return request, {
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1_900, "completion_tokens": 450},
    }


def some_text() -> str:
    """Return the text that all exchanges are cut from."""
    chance = random.Random(0)
    return " ".join(f"word{chance.randrange(5_000)}" for _ in range(10_000))


def build(path: Path, lines: int) -> None:
    """Write a log."""
    text = some_text()
    with path.open("wb") as file:
        for number in range(lines):
            request, body = exchange(number, text)
            file.write(exchange_line(request, body, 200, None))


def bare(path: Path, lines: int) -> dict[str, float]:
    """Read the file a line at a time."""
    with path.open("rb") as file:
        return {"lines": sum(1 for _ in file)}


def opened(path: Path, lines: int) -> dict[str, float]:
    """Open the log."""
    return {"lines": len(CallLog(path))}


def found(path: Path, lines: int) -> dict[str, float]:
    """Open the log, and time looking up exchanges anywhere in it."""
    log, text, chance = CallLog(path), some_text(), random.Random(1)
    requests = [exchange(chance.randrange(lines), text)[0] for _ in range(_FINDS)]
    begin = time.perf_counter()
    missing = sum(log.find(request) is None for request in requests)
    return {"missing": missing, "find_us": (time.perf_counter() - begin) / _FINDS * 1e6}


def added(path: Path, lines: int) -> dict[str, float]:
    """Add lines from many callers at once."""
    log, text = CallLog(path), some_text()
    pairs = (exchange(number, text) for number in range(lines))

    async def caller() -> None:
        for request, body in pairs:
            await log.record(request, body)

    async def run() -> None:
        await asyncio.gather(*(caller() for _ in range(_CALLERS)))

    begin = time.perf_counter()
    asyncio.run(run())
    return {"lines_per_s": lines / (time.perf_counter() - begin)}


def added_without_fsync(path: Path, lines: int) -> dict[str, float]:
    """Do the same, and leave it to the system when lines reach the disk."""
    os.fsync = lambda fd: None
    return added(path, lines)


def added_one_by_one(path: Path, lines: int) -> dict[str, float]:
    """Add lines one after the other, each with its own fsync."""
    text = some_text()
    pairs = [exchange(number, text) for number in range(lines)]
    begin = time.perf_counter()
    for request, body in pairs:
        with locked(path, "a+b") as file:
            append_lines(file, [exchange_line(request, body, 200, None)])
    return {"lines_per_s": lines / (time.perf_counter() - begin)}


_WAYS = {
    way.__name__: way for way in (bare, opened, found, added, added_without_fsync, added_one_by_one)
}


def measured(way: str, path: Path, lines: int) -> dict[str, float]:
    """Run one way in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--way", way, "--path", str(path), "--lines", str(lines)],
        check=True,
        stdout=subprocess.PIPE,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    print(f"{way}: {figures}", flush=True)
    return figures


def opening(path: Path, lines: int) -> dict[str, float]:
    """Measure opening a log, and finding in it."""
    build(path, lines)
    size = path.stat().st_size
    measured("bare", path, lines)  # so that all that follow find the file as cached as it gets
    read, first = (measured(way, path, lines) for way in ("bare", "opened"))
    again, finds = (measured(way, path, lines) for way in ("opened", "found"))
    kept_up = measured("added", path, _LATE)
    behind = measured("opened", path, lines)
    return {
        "gb": round(size / 1e9, 2),
        "index_mb": round(SideIndex(path).path.stat().st_size / 1e6, 1),
        "bare_s": round(read["seconds"], 2),
        "first_open_s": round(first["seconds"], 2),
        "first_open_of_bare": round(first["seconds"] / read["seconds"], 1),
        "reopen_s": round(again["seconds"], 2),
        "reopen_behind_s": round(behind["seconds"], 2),
        "first_open_mb": round(first["peak_mb"]),
        "reopen_mb": round(again["peak_mb"]),
        "adding_mb": round(kept_up["peak_mb"]),
        "find_us": round(finds["find_us"]),
    }


def adding(path: Path, lines: int) -> dict[str, float]:
    """Measure adding to a small log, interleaved; the median of three rounds."""
    ways = {"added": lines, "added_without_fsync": lines, "added_one_by_one": lines // 10}
    rounds = [
        {way: measured(way, path, n)["lines_per_s"] for way, n in ways.items()} for _ in range(3)
    ]
    return {f"{way}_per_s": round(statistics.median(r[way] for r in rounds)) for way in ways}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50,000 lines")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--folder", help="where there is room; else the system's for such files")
    parser.add_argument("--way", choices=_WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        begin = time.perf_counter()
        figures = _WAYS[arguments.way](arguments.path, arguments.lines)
        figures["seconds"] = time.perf_counter() - begin
        figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(figures))
        return
    lines = 50_000 if arguments.quick else arguments.lines
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        free = shutil.disk_usage(folder).free
        if free < 1.3 * lines * _LINE_BYTES:
            sys.exit(f"{1.3 * lines * _LINE_BYTES / 1e9:.1f} GB are needed, {free / 1e9:.1f} free")
        result = {"lines": lines, **opening(Path(folder, "large.jsonl"), lines)}
        result |= adding(Path(folder, "small.jsonl"), _LATE)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
