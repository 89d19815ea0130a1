"""How far an ingest is, for the person who waits: a bar on a terminal, now and then a line where there is none."""

import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from firstline.knowledge.ingest import IngestReport

WINDOW_S = 180.0
"""What the pace is measured over: articles differ in length, and other work on the machine comes and goes."""
LINE_EVERY_S = 15.0
_SOONEST_S = 5.0


class Pace:
    """Articles a minute over the last `WINDOW_S`. Pure: the time, in seconds, is passed in."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def look(self, seen: int, now: float) -> None:
        """So many articles are done."""
        self._looks.append((now, seen))
        while now - self._looks[0][0] > WINDOW_S:
            self._looks.popleft()

    def per_minute(self) -> float | None:
        """None until there is something to go by."""
        if not self._looks:
            return None
        (began, first), (now, last) = self._looks[0], self._looks[-1]
        return 60 * (last - first) / (now - began) if now - began >= _SOONEST_S and last > first else None

    def words(self, total: int) -> str:
        """`240 a minute, about 12 min left`; empty while nobody knows."""
        pace = self.per_minute()
        if pace is None:
            return ""
        minutes = (total - self._looks[-1][1]) / pace
        return f"{pace:,.0f} a minute, " + (
            f"about {minutes:.0f} min left" if minutes >= 1 else "less than a minute left"
        )


class IngestView:
    """Shows an ingest for the length of a `with` block."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock, self._pace = console, clock, Pace()
        self._said_at, self._said = clock(), ""
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("articles"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[pace]}"),
        )
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task("reading", total=None, pace="")

    def __enter__(self) -> "IngestView":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def tell(self, report: IngestReport) -> None:
        """Show this much."""
        now = self._clock()
        if report.doing == "embedding":
            self._pace.look(report.seen, now)
        pace = self._pace.words(report.total) if report.doing == "embedding" and report.seen < report.total else ""
        self._bar.update(
            self._task, description=report.doing, total=report.total or None, completed=report.seen, pace=pace
        )
        if not self._console.is_terminal and (report.doing != self._said or now - self._said_at >= LINE_EVERY_S):
            self._said, self._said_at = report.doing, now
            line = f"  {report.doing}: {report.seen:,} of {report.total:,} articles"
            self._console.print(f"{line}, {pace}" if pace else line, markup=False, soft_wrap=True)
