"""Computes the positions of a chart's bars. The templates draw them as SVG, beside the table with the same figures.

Numbers in, numbers out: colours belong to the style sheet, words to the templates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COLUMN_WIDTH, COLUMN_STEP, PLOT_HEIGHT = 34, 64, 120


@dataclass(frozen=True, slots=True)
class Part:
    """One segment of a bar: from `start`, `length` long, in the chart's own units."""

    kind: str
    count: int
    start: float
    length: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a bar chart, whose longest bar is 100 units; or a column, whose highest is `PLOT_HEIGHT`."""

    label: str
    link: str
    total: int
    parts: tuple[Part, ...]
    x: float = 0


@dataclass(frozen=True, slots=True)
class ColumnChart:
    """A column chart: its bars, and the lines of its scale with their heights."""

    bars: tuple[Bar, ...]
    scale: tuple[tuple[int, float], ...]
    width: int


ChartRow = tuple[str, str, Mapping[str, int]]
"""A label, the link to the rows behind it, and the counts by kind in drawing order."""


def bars_of(rows: Sequence[ChartRow]) -> list[Bar]:
    longest = max((sum(counts.values()) for _, _, counts in rows), default=0) or 1
    return [_bar(row, 100 / longest) for row in rows]


def columns_of(rows: Sequence[ChartRow]) -> ColumnChart:
    highest = round_up(max((sum(counts.values()) for _, _, counts in rows), default=0))
    unit = PLOT_HEIGHT / highest
    bars = tuple(_bar(row, unit, x=COLUMN_STEP * place + 15) for place, row in enumerate(rows))
    marks = sorted({0, highest // 2, highest})
    return ColumnChart(bars, tuple((mark, PLOT_HEIGHT - mark * unit) for mark in marks), COLUMN_STEP * len(rows))


def round_up(count: int) -> int:
    """The end of a scale for `count`: 2, 4, 10, 20, 40, 100, …; never 0."""
    end = 1
    while True:
        for step in (2, 4, 10):
            if count <= end * step:
                return end * step
        end *= 10


def _bar(row: ChartRow, unit: float, *, x: float = 0) -> Bar:
    label, link, counts = row
    parts, start = [], 0.0
    for kind, count in counts.items():
        if count:
            parts.append(Part(kind, count, round(start, 2), round(count * unit, 2)))
            start += count * unit
    return Bar(label, link, sum(counts.values()), tuple(parts), x)
