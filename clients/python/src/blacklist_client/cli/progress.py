"""Progress: a bar on a terminal, otherwise a line now and then."""

import sys
import time
from types import TracebackType
from typing import Self

WIDTH = 30
BETWEEN_BARS_SECONDS = 0.1
LINES = 10


class Bar:
    def __init__(self, title: str, total: int) -> None:
        self._title = title
        self._total = total
        self._began = time.monotonic()
        self._first: int | None = None
        self._shown_at = 0.0
        self._lines = 0
        self._is_seen = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_seen:
            sys.stderr.write("\n")

    def show(self, done: int) -> None:
        now = time.monotonic()
        first = self._first = done if self._first is None else self._first
        rate = (done - first) / max(now - self._began, 0.001)
        text = f"{self._title} {done:,} of {self._total:,} rows, {rate:,.0f} a second"
        if self._is_seen:
            if now - self._shown_at < BETWEEN_BARS_SECONDS and done < self._total:
                return
            self._shown_at = now
            full = WIDTH * done // self._total if self._total else WIDTH
            left = (self._total - done) / rate if rate else 0.0
            sys.stderr.write(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {text}, {left:,.0f} s left \033[K")
            sys.stderr.flush()
        elif self._total and done * LINES // self._total > self._lines:
            self._lines = done * LINES // self._total
            sys.stderr.write(text + "\n")
