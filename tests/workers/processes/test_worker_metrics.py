"""What a worker counts can be scraped."""

from urllib.request import urlopen

from workers.ports_in_use import free_port
from workers.processes.worker import serving_metrics


def test_metrics_are_served_while_the_worker_runs() -> None:
    port = free_port()

    with serving_metrics("127.0.0.1", port), urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()

    assert "firstline_langfuse_requests_total" in text
    assert "firstline_on_call_lookups_total" in text
