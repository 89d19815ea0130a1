"""`firstline bench …`: benchmarks that print ratios against a baseline measured in the same run."""

import logging
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help=__doc__)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def retrieval(
    questions: Annotated[Path, typer.Option("--set", help="Folder with corpus.jsonl[.gz] and queries.jsonl.")],
    limit: Annotated[int, typer.Option(min=0, help="Ask only so many questions, drawn with a seed; 0: all.")] = 0,
    speed: Annotated[bool, typer.Option("--speed", help="Measure time under load instead of quality.")] = False,
    grow: Annotated[str, typer.Option(help="With --speed: sizes in articles, as 1000,8000,64000; noisy copies.")] = "",
    ceiling: Annotated[
        bool, typer.Option("--ceiling", help="With --speed: the highest rate with p95 < 96 ms.")
    ] = False,
    corpus: Annotated[str, typer.Option(help="With --speed: an ingested collection to take articles from.")] = "",
    seconds: Annotated[float, typer.Option(min=1, help="With --speed: how long each rate is kept up.")] = 10,
    json: Json = False,
) -> None:
    """Whether the right article is found: BM25, full text, dense, fused and reranked, side by side; or how fast."""
    from firstline.telemetry import configure_logs
    from workers import cli
    from workers.bench.report import show
    from workers.bench.retrieval import run_retrieval
    from workers.bench.speed import show_speed
    from workers.bench.speed_run import Plan, run_speed

    if not all(size.isdigit() and int(size) for size in filter(None, grow.split(","))):
        raise typer.BadParameter("is numbers of articles with commas between, as 1000,8000", param_hint="--grow")
    configure_logs(json=False, level=logging.WARNING)
    settings, told = cli._settings(), cli._console(True)
    plan = Plan([int(size) for size in filter(None, grow.split(","))], seconds, ceiling, corpus)
    work = run_speed(settings, questions, plan, told) if speed else run_retrieval(settings, questions, limit, told)
    # A search is timed on the event loop that the bridge runs on.
    report = cli._run(work, uvloop=speed)
    if json:
        cli._emit(report)
    else:
        (show_speed if speed else show)(report, cli._console())


@app.command()
def bridge(
    calls: Annotated[int, typer.Option(min=1, max=1000, help="Concurrent calls.")] = 100,
    seconds: Annotated[float, typer.Option(min=1, help="Measured in each run, after the calls are up.")] = 20.0,
    rounds: Annotated[int, typer.Option(min=1, help="Pairs of runs: bare relay, bridge, bare relay, …")] = 2,
    recordings: Annotated[bool, typer.Option(help="Whether each turn's audio is kept, as it is by default.")] = True,
    answer: Annotated[float, typer.Option(min=1, help="Seconds that the agent speaks in a turn.")] = 2.0,
    pause: Annotated[
        float, typer.Option(min=0, help="Seconds of silence after each turn; else one comes every 4.4 s.")
    ] = 0,
    soak: Annotated[float, typer.Option(min=0, help="Instead: minutes of calls that come and go; what grows?")] = 0,
    flood: Annotated[bool, typer.Option("--flood", help="Instead: what do calls notice of a flooding socket?")] = False,
    breaks: Annotated[bool, typer.Option("--breaks", help="Instead: how long is a call without a model?")] = False,
    json: Json = False,
) -> None:
    """What the bridge adds: latency and CPU against a bare relay in alternation, on one core."""
    from workers import cli
    from workers.bench.bridge.model import Pace
    from workers.bench.bridge.report import show, show_breaks, show_flood, show_soak
    from workers.bench.bridge.run import run_bridge_bench
    from workers.bench.bridge.soak import run_soak
    from workers.bench.bridge.trouble import run_breaks, run_flood

    told = cli._console(True)
    if soak:
        run, shown = run_soak(calls, soak, told.print), show_soak
    elif flood:
        run, shown = run_flood(calls, seconds), show_flood
    elif breaks:
        run, shown = run_breaks(calls), show_breaks
    else:
        run, shown = run_bridge_bench(calls, seconds, rounds, recordings=recordings, pace=Pace(answer, pause)), show
    report = cli._run(run, uvloop=True)
    if json:
        cli._emit(report)
    else:
        shown(report, cli._console())


@app.command("first-audio")
def first_audio(
    calls: Annotated[int, typer.Option(min=1, max=1000, help="Concurrent calls.")] = 50,
    turns: Annotated[int, typer.Option(min=1, max=1000, help="Turns of each call, in each of the two passes.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the drawn times.")] = 1,
    json: Json = False,
) -> None:
    """First audio with every stage taking its time from the case study's table, searching ahead and not."""
    from workers import cli
    from workers.bench.first_audio.report import show
    from workers.bench.first_audio.run import run_first_audio_bench

    told = cli._console(True)
    report = cli._run(run_first_audio_bench(calls, turns, seed, told.print), uvloop=True)
    if json:
        cli._emit(report)
    else:
        show(report, cli._console())


@app.command(name="barge-in")
def barge_in(
    after: Annotated[
        list[float] | None, typer.Option(min=0, help="FIRSTLINE_BARGE_IN_AFTER_MS to try; repeat.")
    ] = None,
    per_kind: Annotated[int, typer.Option(min=0, help="Only so many sounds of each kind; 0: all.")] = 0,
    json: Json = False,
) -> None:
    """Which sounds of a caller stop the agent: "mhm", coughs and interruptions at three levels, before and after."""
    from firstline.telemetry import configure_logs
    from workers import cli
    from workers.bench.barge_in.report import show
    from workers.bench.barge_in.run import run_barge_in_bench

    configure_logs(json=False, level=logging.WARNING)
    settings = cli._settings()
    report = run_barge_in_bench(settings, after or [settings.barge_in_after_ms], per_kind, cli._console(True).print)
    if json:
        cli._emit(report)
    else:
        show(report, cli._console())


@app.command()
def turns(
    count: Annotated[int, typer.Option("--turns", min=5, help="Spoken questions, five a call.")] = 30,
    speculation: Annotated[str, typer.Option(help="Search while the caller speaks: on, off, both.")] = "on",
    json: Json = False,
) -> None:
    """How long callers wait: spoken questions through the running stack, first audio and turn gap with their stages."""
    from workers import cli
    from workers.bench.turns import Searching, run_turns_bench, show

    if speculation not in set(Searching):
        raise typer.BadParameter("is on, off or both", param_hint="--speculation")

    console = cli._console(True)
    report = cli._run(run_turns_bench(cli._settings(), count, Searching(speculation), console))
    if json:
        cli._emit(report)
    else:
        show(report, cli._console())


@app.command()
def lifecycle(
    calls: Annotated[
        int, typer.Option(min=0, max=5000, help="Callers: some ask, some want a person or a callback.")
    ] = 30,
    kills: Annotated[int, typer.Option(min=0, help="Times that a random process is killed with -9.")] = 6,
    seed: Annotated[int, typer.Option(help="Draws callers, kills and faults.")] = 1,
    seconds: Annotated[float, typer.Option(min=0, help="Over which the calls begin; 0: 1.8 s a call.")] = 0,
    faults: Annotated[bool, typer.Option(help="The paid services fail and answer late.")] = True,
    restarts: Annotated[bool, typer.Option(help="Both bridges are restarted one after the other, too.")] = True,
    rounds: Annotated[int, typer.Option(min=0, help="Rounds of calls with Temporal and Postgres up and down.")] = 0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the logs and the state of the run.")] = False,
    json: Json = False,
) -> None:
    """Promises tried by breaking it: kills -9 and faults under live calls, then a count at the other end of each."""
    import sys

    from firstline.telemetry import configure_logs
    from workers import cli
    from workers.bench.lifecycle.report import failed, show
    from workers.bench.lifecycle.run import Size, run_lifecycle_bench

    configure_logs(json=False, level=logging.ERROR)
    size = Size(calls, kills, seed, seconds or 1.8 * calls, faults, restarts, rounds)
    report = cli._run(run_lifecycle_bench(size, cli._console(True), keep), uvloop=True)
    if json:
        cli._emit(report)
    else:
        show(report, cli._console())
    sys.exit(1 if failed(report) else 0)


@app.command()
def chained(
    questions: Annotated[int, typer.Option(min=1, max=300, help="Spoken questions, five a call.")] = 100,
    answerer: Annotated[str, typer.Option(help="`embedded`, `chat` (a simulated chat model) or `both`.")] = "both",
    ahead: Annotated[bool, typer.Option(help="What a search finds is there before the question is over.")] = True,
    json: Json = False,
) -> None:
    """How soon the chained lane is heard, each part timed: the built-in answerer, and a chat model in its place."""
    from firstline.telemetry import configure_logs
    from workers import cli
    from workers.bench.chained.report import show
    from workers.bench.chained.run import Plan, run_chained_bench

    configure_logs(json=False, level=logging.WARNING)
    if answerer not in ("embedded", "chat", "both"):
        raise typer.BadParameter("embedded, chat or both", param_hint="--answerer")
    told = cli._console(True)
    plan = Plan(questions, ("embedded", "chat") if answerer == "both" else (answerer,), ahead)
    report = cli._run(run_chained_bench(cli._settings(), plan, told.print))
    if json:
        cli._emit(report)
    else:
        show(report, cli._console())
