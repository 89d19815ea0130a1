"""The bridge benchmark on a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table

_BAR = 40


def show(report: dict[str, Any], console: Console) -> None:
    """A table of every run, the ratios, and where the frames' latencies lie."""
    table = Table(
        title=f"{report['calls']} calls on one core, {report['seconds']:g} s a run, a turn every "
        f"{report['turn_every_s']} s; ms, CPU of one call"
    )
    heads = ("", "up p50", "down p50", "p99 both", "CPU-s/min", "core", "dropped", "truncation off by")
    for head in heads:
        table.add_column(head, justify="left" if not head else "right")
    for pair in report["rounds"]:
        for run in pair:
            off = run["truncation_error_p50"]
            table.add_row(
                run["what"],
                f"{run['up_p50']:.2f}",
                f"{run['down_p50']:.2f}",
                f"{run['up_p99'] + run['down_p99']:.2f}",
                f"{run['cpu_s_per_call_minute']:.4f}",
                f"{run['core_share']:.0%}",
                str(run["frames_dropped"]),
                "" if off is None else f"{off:.0f}, at most {run['truncation_error_max']:.0f}",
            )
    console.print(table)
    console.print(
        f"CPU × bare relay [bold]{report['cpu_ratio']}[/]   p99 up + down [bold]{report['added_p99_ms']} ms[/]"
        f"   frames dropped [bold]{report['frames_dropped']}[/]"
        f"   memory per call [bold]{report['memory_per_call_kib']:.0f} KiB[/] (the first one of a process, "
        f"once: {report['rounds'][-1][1]['first_call_mib']:.1f} MiB)"
    )
    for run in report["rounds"][-1]:
        console.print(f"\n{run['what']}: latency of {sum(run['histogram'].values())} frames")
        most = max(run["histogram"].values()) or 1
        for edge, count in run["histogram"].items():
            label = "more" if edge == "more" else f"≤ {edge} ms"
            console.print(f"  {label:>9} {'█' * round(_BAR * count / most)} {count}")


def show_soak(report: dict[str, Any], console: Console) -> None:
    """What grew between the first and the last third of a soak."""
    ended = report["calls_ended"]
    table = Table(title=f"{report['calls']} calls for {report['minutes']:g} minutes, {ended} calls ended meanwhile")
    for head in ("", "idle", "after the warm-up", "at the end", "grew"):
        table.add_column(head, justify="left" if not head else "right")
    samples = report["samples"]
    settled = samples[len(samples) // 4]
    for name, grew in report["grew"].items():
        row = (str(each[name]) for each in (samples[0], settled, samples[-1]))
        table.add_row(name, *row, f"{grew:+g}")
    console.print(table)
    console.print(f"Resident memory by call that ended: [bold]{report['rss_kib_per_ended_call']} KiB[/]")
    growing = ", ".join(f"{name} by {report['grew'][name]:g}" for name in report["growing"])
    console.print(f"[bold red]Grows: {growing}[/]" if growing else "[bold green]Nothing grows[/]")


def show_flood(report: dict[str, Any], console: Console) -> None:
    """The calls' latencies without and with the flood."""
    table = Table(title=f"{report['calls']} calls, ms, and one socket that floods the bridge")
    for head in ("", "up p50", "up p99", "down p50", "down p99"):
        table.add_column(head, justify="left" if not head else "right")
    for name in ("calm", "flooded"):
        run = report[name]
        table.add_row(name, *(f"{run[each]:.2f}" for each in ("up_p50", "up_p99", "down_p50", "down_p99")))
    console.print(table)
    flood = report["flooder"]
    console.print(
        f"The flooder sent [bold]{flood['frames']}[/] frames on {flood['sockets']} sockets, {flood['cut']} of them cut"
        f"; [bold]{report['calls_alive']}[/] of {report['calls']} calls go on"
    )


def show_breaks(report: dict[str, Any], console: Console) -> None:
    """How long a call had no model."""
    cut, hung, owing = report["cut_off_ms"], report["hung_ms"], report["hung_owing_ms"]
    console.print(
        f"Model cut off -> the caller is heard again: p50 [bold]{cut['p50']} ms[/], p95 {cut['p95']}, max {cut['max']}"
        f"\nModel hangs with nothing owed -> the same: p50 [bold]{hung['p50']} ms[/], max {hung['max']}"
        f"\nModel hangs that owes an answer -> the same: p50 [bold]{owing['p50']} ms[/], max {owing['max']}\n"
        f"{report['calls_alive']} of {report['calls']} calls go on"
    )
