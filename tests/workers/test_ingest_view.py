"""Who waits for an ingest sees what it does, how far it is and how long it will take."""

import io

from rich.console import Console

from firstline.knowledge.ingest import IngestReport
from workers.ingest_view import WINDOW_S, IngestView, Pace


class TestThePace:
    def test_is_that_of_the_last_minutes(self) -> None:
        """A corpus of which half is unchanged races through that half, and then it does not."""
        pace = Pace()
        for seen, now in ((0, 0.0), (4000, 1.0), (4000, WINDOW_S), (4400, 2 * WINDOW_S)):
            pace.look(seen, now)

        assert pace.words(5200) == "133 a minute, about 6 min left"

    def test_is_not_guessed_from_nothing(self) -> None:
        pace = Pace()
        pace.look(10, 0.0)
        pace.look(20, 1.0)

        assert pace.words(100) == ""


class TestWithoutATerminal:
    def test_a_line_comes_when_something_begins_and_now_and_then(self) -> None:
        written, now = io.StringIO(), [0.0]
        report = IngestReport("help", 1000)
        with IngestView(Console(file=written), lambda: now[0]) as view:
            for doing, seen, at in (
                ("embedding", 0, 0.0),
                ("embedding", 10, 1.0),
                ("embedding", 100, 30.0),
                ("waiting (the disk is full), attempt 2", 100, 31.0),
                ("indexing", 1000, 40.0),
            ):
                report.doing, report.seen, now[0] = doing, seen, at
                view.tell(report)

        assert written.getvalue().splitlines() == [
            "  embedding: 0 of 1,000 articles",
            "  embedding: 100 of 1,000 articles, 200 a minute, about 4 min left",
            "  waiting (the disk is full), attempt 2: 100 of 1,000 articles",
            "  indexing: 1,000 of 1,000 articles",
        ]
