"""Anything that takes longer than five seconds says so, in one line on stderr."""

from __future__ import annotations

import contextlib
import math
import shutil
import sys
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from multiprocessing import parent_process
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import Self, TypeVar

_Item = TypeVar("_Item")

QUIET_SECONDS = 5.0
_SECONDS_BETWEEN_LINES = 0.2  # a terminal need not be rewritten more often

_lock = Lock()
_shown: Progress | None = None  # the one that has the line: inner work is silent beside it


class Progress:
    """Report how far a piece of work is, once it has taken five seconds."""

    # A terminal shows one line, rewritten in place and erased at the end; where stderr is no
    # terminal, one plain line is written in all. Only one piece of work of a process is shown at a
    # time, the first that has taken five seconds; worker processes are silent.
    #
    # tqdm, which comes with skorch, can be late (`delay`) and erase its line. But it fills a log
    # with a line for each update, shows a bar for inner work and in every worker process, raises
    # AttributeError where stderr is None, and has no lock for what we would add to it.

    def __init__(self, what: str, total: int | None = None) -> None:
        self.what = what
        self.total = total  # number of steps, None if it is not known
        self._n_done = 0
        self._start = self._last_line = monotonic()
        self._width = 0  # of the line on the terminal
        self._is_silent = parent_process() is not None
        self._detail = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def advance(self, n_steps: int = 1, detail: str = "") -> None:
        """Count steps that are done, in any thread; `detail` is shown of the last, "loss 0.31"."""
        with _lock:
            self._n_done += n_steps
            self._detail = detail
            now = monotonic()
            is_done = self._n_done == self.total  # there is nothing left to say
            if not (self._is_silent or is_done) and now - self._start >= QUIET_SECONDS:
                self._show(now)

    def _show(self, now: float) -> None:
        global _shown
        if _shown not in (None, self):
            return
        is_new, _shown = _shown is None, self
        if is_new or now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            self._write(self._line(now - self._start))

    def _line(self, elapsed: float) -> str:
        if self.total is None:
            parts = [f"{self.what}: {self._n_done} so far"]
        else:
            left = elapsed / max(self._n_done, 1) * max(self.total - self._n_done, 0)
            parts = [f"{self.what}: {self._n_done} of {self.total}", f"{duration_text(left)} left"]
        return ", ".join([*parts, *filter(None, [self._detail])])

    def _write(self, line: str) -> None:
        # A progress line must never be what ends the work: stderr may be None, closed or full.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            if sys.stderr.isatty():
                line = line[: shutil.get_terminal_size().columns - 1]
                sys.stderr.write("\r" + line.ljust(self._width))
                self._width = len(line)
            else:
                sys.stderr.write(line + "\n")
                self._is_silent = True
            sys.stderr.flush()

    def _end(self) -> None:
        global _shown
        with _lock:
            if _shown is self:
                _shown = None
            if self._width:  # spaces, as not every terminal knows the escape code that erases
                self._write("")
                self._write("")
            self._is_silent = True


@contextmanager
def only_on_a_terminal() -> Iterator[None]:
    """Write nothing where stderr is no terminal: a program reads there what goes wrong."""
    global QUIET_SECONDS
    before = QUIET_SECONDS
    if sys.stderr is None or not sys.stderr.isatty():
        QUIET_SECONDS = math.inf
    try:
        yield
    finally:
        QUIET_SECONDS = before


def track(items: Iterable[_Item], what: str, total: int | None = None) -> Iterator[_Item]:
    """Yield items; a step is done when the next item is asked for."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with Progress(what, total) as progress:
        for item in items:
            yield item
            progress.advance()


def duration_text(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{round(seconds)} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
