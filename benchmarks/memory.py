"""Memory of a run over 100,000 users whose answers come at once.

    python benchmarks/memory.py [--users 100000] [--plot docs/calls_memory.svg]

The whole way of an extraction: reviews read, requests rendered, answers recorded in a call log on
disk and checked, profiles written; 100 users at once. The chat model answers within this process,
so that nothing but our own memory is measured. The last line is one JSON object: the peak (MB), and
the growth over the last three quarters of the run.
"""

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatReply, ChatRequest
from llmrec.llm.prompts import load_prompt
from llmrec.llm.recorded import LoggedChatModel
from llmrec.profiling.extraction import PLACEHOLDERS, PROMPT_NAME, Extractor
from llmrec.profiling.run import ExtractionRun
from llmrec.records.grouping import read_users

_POINTS = 100
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 300, 56, 40
_LIMIT_MB = 400
_PAGE_MB = 4096 / 1e6


class InstantChat:
    """A live chat model that answers at once."""

    address = "http://localhost/v1"

    def __init__(self) -> None:
        interest = {
            "name": "fugues",
            "polarity": "like",
            "weight": 0.5,
            "description": "Voices that chase each other.",
            "evidence": [{"review": "R1", "quote": "fugue"}],
        }
        profile = {"language": "en", "summary": "Counterpoint.", "interests": [interest] * 5}
        message = {"role": "assistant", "content": json.dumps(profile)}
        self._body = {
            "choices": [{"message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 60, "total_tokens": 160},
        }

    def is_recorded(self, request: ChatRequest) -> bool:
        """Return False: answers are made, not kept."""
        return False

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        """Answer."""
        return ChatReply(self._body)


def memory_mb() -> float:
    """Return the resident memory of this process (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_MB


async def measured(folder: Path, n_users: int) -> list[tuple[int, float]]:
    """Make all profiles, and return the memory now and then."""
    chat = LoggedChatModel(CallLog(folder / "calls.jsonl"), InstantChat())
    prompt = load_prompt(PROMPT_NAME, PLACEHOLDERS)
    run = ExtractionRun(Extractor(chat, "tiny", prompt), concurrency=100)
    points = [(0, memory_mb())]
    with (folder / "profiles.jsonl").open("w", encoding="utf-8") as file:
        async for profile in run.profiles(read_users(folder / "reviews.jsonl")):
            file.write(profile.to_json() + "\n")
            if run.made % (n_users // _POINTS) == 0:
                points.append((run.made, memory_mb()))
    assert run.made == n_users
    return points


def plot(points: list[tuple[int, float]]) -> str:
    """Return the plot as SVG."""
    last = points[-1][0]

    def x(users: float) -> float:
        return _LEFT + users / last * (_WIDTH - _LEFT - 16)

    def y(mb: float) -> float:
        return _HEIGHT - _BOTTOM - mb / _LIMIT_MB * (_HEIGHT - _BOTTOM - 16)

    line = " ".join(f"{x(users):.1f},{y(mb):.1f}" for users, mb in points)
    text = 'font-family="sans-serif" font-size="12" fill="#555"'
    levels = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH - 16}" y1="{y(mb):.1f}" y2="{y(mb):.1f}" stroke="#ddd"/>'
        f'<text x="{_LEFT - 8}" y="{y(mb) + 4:.1f}" text-anchor="end" {text}>{mb}</text>'
        for mb in range(0, _LIMIT_MB + 1, 100)
    )
    marks = "".join(
        f'<text x="{x(last * n / 4):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle" {text}>'
        f"{last * n // 4:,}</text>"
        for n in range(5)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        "<title>Resident memory (MB) by number of users, 100 at once</title>"
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>{levels}{marks}'
        f'<text x="{_LEFT}" y="{_HEIGHT - 4}" {text}>MB of memory by number of users done</text>'
        f'<polyline points="{line}" fill="none" stroke="#2563eb" stroke-width="2"/></svg>\n'
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "reviews.jsonl").open("w", encoding="utf-8") as file:
            for n in range(options.users):
                review = {"user_id": f"u{n}", "review_id": f"r{n}", "text": f"A fugue, says u{n}."}
                file.write(json.dumps(review) + "\n")
        points = asyncio.run(measured(folder, options.users))
    if options.plot is not None:
        options.plot.write_text(plot(points), encoding="utf-8")
    peak_mb = max(mb for _, mb in points)
    growth_mb = points[-1][1] - points[len(points) // 4][1]
    print(json.dumps({"peak_mb": round(peak_mb, 1), "growth_mb": round(growth_mb, 1)}))


if __name__ == "__main__":
    main()
