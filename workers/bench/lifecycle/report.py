"""The figures of a run, as JSON and as a table: the rows are the keys, with spaces."""

from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

from workers.bench.lifecycle.breaking import Broken
from workers.bench.lifecycle.carrier import ABNORMAL, Carrier
from workers.bench.lifecycle.histories import Execution
from workers.bench.lifecycle.metrics import TOOL_FAILURES, UPDATES, Metrics
from workers.bench.lifecycle.promises import Verdict

if TYPE_CHECKING:
    from workers.bench.lifecycle.run import Size

CALLS_A_MONTH = 41_200
DOLLARS_A_MILLION = 50.0
"""Temporal Cloud's list price for the first five million actions of a month (https://temporal.io/pricing)."""
_WRONG_SHOWN = 40


def report(
    size: "Size",
    verdict: Verdict,
    carrier: Carrier,
    executions: dict[str, list[Execution]],
    broken: Broken,
    metrics: Metrics,
    spool: dict[str, int],
    set_aside: int,
    loaded: float,
    quiet: float,
) -> dict[str, Any]:
    """Everything, in the order of the table."""
    all_ = [execution for runs in executions.values() for execution in runs]
    calls = sum(leg.inbound for leg in carrier.legs.values()) or 1
    return {
        "seed": size.seed,
        "calls": calls,
        "kills": sum(broken.kills.values()),
        "kills_of": broken.kills,
        "faults": broken.faults,
        "bad_arguments": metrics.total(TOOL_FAILURES, "bad_arguments"),
        **_promises(verdict),
        "reconciled": sum(execution.reconciled for execution in all_),
        "never_reached_us": verdict.never_reached_us,
        "left_in_spool": sum(spool.values()),
        "outcomes": dict(sorted(verdict.outcomes.items())),
        "dropped": verdict.dropped,
        "bridges_restarted": broken.restarts,
        **_streams(carrier),
        "poison_fed": broken.fed.poison,
        "poison_set_aside": set_aside,
        "repeats_fed": broken.fed.repeats,
        "repeats_dropped": sum(execution.duplicates for execution in all_),
        "workflow_starts_per_second": round(len(all_) / loaded, 2),
        "update_p50_ms": metrics.percentile(UPDATES, 50),
        "update_p99_ms": metrics.percentile(UPDATES, 99),
        **_temporal(all_, calls),
        "seconds": round(loaded + quiet),
        "wrong": verdict.wrong,
    }


def _promises(verdict: Verdict) -> dict[str, Any]:
    total = verdict.promises
    return {
        "promised": total.promised,
        "kept": total.kept,
        "doubled": total.doubled,
        "lost": total.lost,
        "pages": vars(verdict.pages),
        "people": vars(verdict.people),
        "callbacks": vars(verdict.callbacks),
        "unclosed": verdict.unclosed,
    }


def _streams(carrier: Carrier) -> dict[str, Any]:
    """What callers heard of bridges that died, and of those that handed their calls over."""
    breaks = [found for leg in carrier.legs.values() for found in leg.breaks()]
    silences = [ms for code, ms in breaks if code == ABNORMAL and ms is not None]
    handed_over = [ms for code, ms in breaks if code != ABNORMAL and ms is not None]
    return {
        "streams_cut": sum(code == ABNORMAL for code, _ in breaks),
        "streams_resumed": len(silences),
        "dead_air_p50": _percentile(silences, 50),
        "dead_air_p95": _percentile(silences, 95),
        "handed_over": len(handed_over),
        "handover_silence_p50": _percentile(handed_over, 50),
        "handover_silence_p95": _percentile(handed_over, 95),
    }


def _temporal(executions: list[Execution], calls: int) -> dict[str, Any]:
    """What a call costs of histories, and a month of calls in Temporal Cloud."""
    actions = sum(execution.actions for execution in executions) / calls
    monthly = actions * CALLS_A_MONTH
    return {
        "history_events_per_call": round(sum(execution.events for execution in executions) / calls, 1),
        "actions_per_call": round(actions, 1),
        "actions_a_month": round(monthly),
        "dollars_a_month": round(monthly / 1e6 * DOLLARS_A_MILLION, 2),
    }


def failed(figures: dict[str, Any]) -> bool:
    """Whether a promise was broken or something was left behind."""
    # The last one is the bench's own fault: a scripted model that the bridge does not understand proves nothing.
    bad = ("doubled", "lost", "unclosed", "dropped", "left_in_spool", "wrong", "turns_out_of_order", "bad_arguments")
    equal = (("poison_fed", "poison_set_aside"), ("turns_spoken", "turns_delivered"))
    return any(figures.get(key) for key in bad) or any(figures.get(a) != figures.get(b) for a, b in equal)


def show(figures: dict[str, Any], console: Console) -> None:
    """On a terminal."""
    table = Table(title="Promises, tried by breaking it")
    table.add_column("")
    table.add_column("", justify="right")
    for key, value in figures.items():
        if key != "wrong":
            told = "  ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else f"{value}"
            table.add_row(key.replace("_", " "), "-" if value is None else told)
    console.print(table)
    for line in figures.get("wrong", [])[:_WRONG_SHOWN]:
        console.print(f"  [red]✗[/] {line}")
    if not failed(figures):
        console.print("[bold green]Every promise was kept exactly once.[/]")


def _percentile(values: list[float], q: float) -> float | None:
    return round(float(np.percentile(values, q))) if values else None
