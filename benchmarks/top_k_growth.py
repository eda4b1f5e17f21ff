"""How the time of the exact k best grows with items, users and k, beside the bare product."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT, LEFT, TOP = 250, 190, 48, 26
COLOURS = {"ours": "#1f6f8b", "product": "#b3541e"}


def draw_growth(
    folder: Path,
    rows: Rows,
    queries: Rows,
    nearest: Callable[[Rows, Rows, int], object],
    bare: Callable[[Rows, Rows, int, int], object],
) -> None:
    """Measure and draw ``top_k_growth.svg``.

    Args:
        folder: where the picture goes.
        rows: the most items.
        queries: the most users.
        nearest: finds the k best.
        bare: multiplies in blocks of so many queries and items.
    """

    def both(some: Rows, among: Rows, k: int) -> tuple[float, float]:
        block = (min(len(some), 512), 4096 if len(some) > 1 else 65536)
        times = [(timed(nearest, some, among, k), timed(bare, some, among, *block)) for _ in "123"]
        return min(ours for ours, _ in times), min(product for _, product in times)

    n_items = [len(rows) // part for part in (16, 8, 4, 2, 1)]
    n_users = [n for n in (1, 4, 16, 64, 256, 1024) if n <= len(queries)]
    few = queries[:256]
    panels = [
        ("items", [(n, *both(few, rows[:n], 10)) for n in n_items]),
        ("users", [(n, *both(queries[:n], rows, 10)) for n in n_users]),
        ("k", [(k, *both(few, rows, k)) for k in (1, 10, 100, 1000)]),
    ]
    drawn = "".join(
        f'<g transform="translate({place * (WIDTH + LEFT + 20)},0)">{panel(name, points)}</g>'
        for place, (name, points) in enumerate(panels)
    )
    size = f"0 0 {3 * (WIDTH + LEFT + 20)} {HEIGHT + TOP + 40}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "top_k_growth.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" font-family="sans-serif" '
        f'font-size="11"><rect width="100%" height="100%" fill="#fff"/>{drawn}</svg>\n',
        encoding="utf-8",
    )


def timed(way: Callable[..., object], *arguments: object) -> float:
    """Return the seconds it takes."""
    begin = time.perf_counter()
    way(*arguments)
    return time.perf_counter() - begin


def panel(name: str, points: Sequence[tuple[float, float, float]]) -> str:
    """Return one diagram, both axes logarithmic."""
    across, up = axis([x for x, _, _ in points]), axis([t for _, *both in points for t in both])

    def place(x: float, seconds: float) -> tuple[float, float]:
        return LEFT + across(x) * WIDTH, TOP + (1 - up(seconds)) * HEIGHT

    lines = [
        line(which, [place(point[0], point[column]) for point in points], column)
        for column, which in enumerate(COLOURS, 1)
    ]
    marks = [
        f'<text x="{place(x, ours)[0]:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">'
        f"{x:,}</text>"
        for x, ours, _ in points[:: 2 if len(points) > 4 else 1]
    ]
    times = [t for _, *both in points for t in both]
    marks += [
        f'<text x="{LEFT - 4}" y="{place(points[0][0], t)[1] + 4:.1f}" text-anchor="end">'
        f"{t * 1e3:.3g} ms</text>"
        for t in (min(times), max(times))
    ]
    title = f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 32}" text-anchor="middle">{name}'
    frame = f'<path d="M{LEFT} {TOP}v{HEIGHT}h{WIDTH}" fill="none" stroke="#888"/>'
    return frame + "".join(lines) + "".join(marks) + title + "</text>"


def axis(values: Sequence[float]) -> Callable[[float], float]:
    """Return what maps values to 0 … 1, logarithmically."""
    low, high = np.log(min(values)), np.log(max(values))
    return lambda value: float((np.log(value) - low) / ((high - low) or 1))


def line(which: str, points: Points, row: int) -> str:
    """Return a line with its name."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    colour = COLOURS[which]
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        f'<text x="{LEFT + 10}" y="{TOP + 12 * row}" fill="{colour}">{which}</text>'
    )
