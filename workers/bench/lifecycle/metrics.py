"""The bridges' own figures, kept over the deaths of the processes that counted them."""

from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families

from workers.bench.lifecycle.stage import Stage

TOOL_FAILURES = "firstline_tool_failures_total"
UPDATES = "firstline_update_ms"
Counts = dict[tuple[str, str], float]


class Metrics:
    """Sums what each life of each bridge counted; `scrape` before a life ends."""

    def __init__(self) -> None:
        self._lives: dict[tuple[str, float], Counts] = {}

    async def scrape(self, stage: Stage) -> None:
        """Read every bridge that answers."""
        for backend in stage.balancer.backends:
            answer = await stage.ask_bridge(backend, "/metrics")
            if answer is not None and answer.is_success:
                began, counts = _read(answer.text)
                self._lives[backend.name, began] = counts

    def total(self, name: str, why: str) -> int:
        """A counter for one reason, all bridges and lives together."""
        return int(sum(life.get((name, why), 0) for life in self._lives.values()))

    def percentile(self, name: str, q: float) -> float | None:
        """Of a histogram, by linear interpolation within its bucket; None when nothing was counted."""
        summed: dict[float, float] = defaultdict(float)
        for life in self._lives.values():
            for (metric, label), value in life.items():
                if metric == f"{name}_bucket":
                    summed[float(label)] += value
        edges = sorted(summed)
        if not edges or not summed[edges[-1]]:
            return None
        wanted, below, low = summed[edges[-1]] * q / 100, 0.0, 0.0
        for edge in edges:
            if summed[edge] >= wanted:
                if edge == float("inf"):
                    return low
                share = (wanted - below) / (summed[edge] - below) if summed[edge] > below else 1.0
                return round(low + share * (edge - low), 1)
            below, low = summed[edge], edge
        return low


def _read(text: str) -> tuple[float, Counts]:
    began, counts = 0.0, defaultdict[tuple[str, str], float](float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "process_start_time_seconds":
                began = sample.value
            label = sample.labels.get("le") or sample.labels.get("why", "")
            counts[sample.name, label] += sample.value
    return began, counts
