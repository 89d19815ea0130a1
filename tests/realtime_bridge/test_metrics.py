"""Turns are measured together, and nobody who asks for the metrics misses one."""

from prometheus_client import REGISTRY

from firstline.domain.turn import Lookup, Turn, TurnTiming
from realtime_bridge import metrics

TURN = Turn(1, "How?", "So.", timing=TurnTiming(410.0, 690.0, {"retrieval_saved": 31.0}), lookup=Lookup.AHEAD)


def scraped(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class TestATurnThatIsOver:
    def test_is_in_the_next_scrape(self) -> None:
        before = scraped("firstline_first_audio_ms_count"), scraped("firstline_lookups_total", how="ahead")

        metrics.observe_turn(TURN)

        after = scraped("firstline_first_audio_ms_count"), scraped("firstline_lookups_total", how="ahead")
        assert after == (before[0] + 1, before[1] + 1)

    def test_waits_with_no_more_than_a_handful_where_nobody_scrapes(self) -> None:
        def measured() -> float:
            (family,) = metrics.TURN_GAP.collect()
            return next(sample.value for sample in family.samples if sample.name.endswith("_count"))

        before = scraped("firstline_turn_gap_ms_count")

        for _ in range(30):
            metrics.observe_turn(TURN)

        assert measured() == before + 20
