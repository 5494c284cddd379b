"""One progress bar for every command of features, training and serving.

On a terminal it is a bar with a percentage and the time left. Anywhere else (a log, a pipe, CI) it prints a line when a
stage begins and another every five seconds, so that a long stage is never silent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

HEARTBEAT_SECONDS = 5.0
"""How long a stage may run without a line of output where there is no terminal."""


class ProgressBar:
    """What a command reports its progress to; make one with `progress_bar`."""

    def __init__(self, bar: Progress, description: str) -> None:
        self._bar = bar
        self._task = bar.add_task(description, total=None)

    def update(self, done: float, total: float) -> None:
        """Set how many items are done, of how many: pass it as a `progress(done, total)` callback."""
        self._bar.update(self._task, completed=done, total=total)

    def stage(self, description: str, share: float) -> None:
        """Name the current stage and the share of the job that is done, 0 to 1: a `(description, share)` callback."""
        self._bar.update(self._task, description=description, completed=share, total=1.0)

    @property
    def description(self) -> str:
        """The current stage."""
        return self._bar.tasks[0].description

    @property
    def state(self) -> str:
        """The current stage in one line, such as `replaying: 40 %`; without the percentage until a total is known."""
        task = self._bar.tasks[0]
        return f"{task.description}: {task.percentage:.0f} %" if task.total else task.description


class _LineByLine(ProgressBar):
    """Prints a line for each stage, for outputs that cannot redraw a bar."""

    def __init__(self, bar: Progress, description: str) -> None:
        super().__init__(bar, description)
        self._print(f"{description} …")

    def stage(self, description: str, share: float) -> None:
        if description != self.description:
            self._print(f"{description} …")
        super().stage(description, share)

    def heartbeat(self, stopped: threading.Event) -> None:
        """Print the state every HEARTBEAT_SECONDS until stopped."""
        began = time.monotonic()
        while not stopped.wait(HEARTBEAT_SECONDS):
            self._print(f"{self.state} ({time.monotonic() - began:.0f} s)")

    def _print(self, line: str) -> None:
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Rate(ProgressColumn):
    """Items per second; empty where progress is a share and not a count."""

    def render(self, task: Task) -> Text:
        counted = task.speed and (task.total or 0) > 1
        return Text(f"{task.speed:,.0f}/s" if counted else "")


@contextmanager
def progress_bar(description: str, console: Console | None = None) -> Iterator[ProgressBar]:
    """Show progress while the body runs, on stderr unless another console is given.

    ```
    with progress_bar("replaying") as bar:
        replay(table, population, progress=bar.update)
    ```
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        with _lines(Progress(console=console, disable=True), description) as lines:
            yield lines
        return
    columns = (BarColumn(), TaskProgressColumn(), _Rate(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}", markup=False), *columns, console=console) as bar:
        yield ProgressBar(bar, description)


@contextmanager
def _lines(bar: Progress, description: str) -> Iterator[ProgressBar]:
    lines, stopped = _LineByLine(bar, description), threading.Event()
    heartbeat = threading.Thread(target=lines.heartbeat, args=(stopped,), daemon=True)
    heartbeat.start()
    try:
        yield lines
    finally:
        stopped.set()
        heartbeat.join()
