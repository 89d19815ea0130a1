"""The command line. Results go to stdout, progress and logs to stderr; a user's mistake is one line and exit code 2."""

import asyncio
import importlib
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from workers.bench import app as bench_app
from workers.corpus import app as corpus_app

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
serve_app = typer.Typer(
    no_args_is_help=True, help="One process, for production and for tests; settings by environment."
)
health_app = typer.Typer(no_args_is_help=True, help="Whether a process of this host is healthy.")
app.add_typer(serve_app, name="serve")
app.add_typer(health_app, name="health")
app.add_typer(bench_app, name="bench")
app.add_typer(corpus_app, name="corpus")

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Collection = Annotated[str, typer.Option(help="Which corpus; default: FIRSTLINE_COLLECTION.")]


def _console(json: bool = False) -> Console:
    return Console(stderr=json, highlight=False, soft_wrap=True)


def _emit(data: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")


@app.command()
def up() -> None:
    """The embedded stack in the foreground: Temporal, Postgres, speech, simulators, worker, bridge."""
    from workers.stack import StackError
    from workers.until_told import until_told
    from workers.up import running_stack, show_places

    settings, console = _settings(), _console()

    async def run() -> None:
        console.print("[bold]firstline up[/]")
        async with running_stack(settings, console) as stack:
            show_places(settings, console)
            console.print("Ready. Ctrl-C ends it.")
            await until_told(_wait(stack.failed))
            if stack.failed.done():
                raise StackError(stack.failed.result())

    _run(run())


async def _wait(future: asyncio.Future[str]) -> None:
    await asyncio.wait({future})


@app.command()
def demo(exit_: Annotated[bool, typer.Option("--exit", help="End by itself when the calls are over.")] = False) -> None:
    """The embedded stack and three real phone calls, shown live."""
    from workers.demo import run_demo

    sys.exit(_run(run_demo(_settings(), _console(), stay=not exit_)))


@app.command()
def call(
    wav: Annotated[list[Path], typer.Option(help="One recording a caller turn, in order.")],
    record: Annotated[Path | None, typer.Option(help="Keep both sides as a stereo WAV.")] = None,
    from_number: Annotated[str, typer.Option("--from", help="The caller's number.")] = "+15550100999",
    json: Json = False,
) -> None:
    """Phone the running bridge as Twilio would; each WAV is said after the agent has finished."""
    from workers.call import run_call

    _run(run_call(_settings(), wav, record, from_number, _console(json), _emit if json else None))


@app.command()
def ingest(
    path: Path,
    collection: Collection = "",
    prune: Annotated[bool, typer.Option(help="Remove articles that the corpus no longer has.")] = False,
    json: Json = False,
) -> None:
    """Markdown or HTML folder, or JSONL (id,title,url,body_markdown,lang), into the knowledge base; resumable."""
    from firstline.telemetry import configure_logs
    from workers.knowledge import run_ingest

    configure_logs(json=False)
    settings, console = _settings(), Console(stderr=True, highlight=False)
    report = _run(run_ingest(settings, path, collection or settings.collection, prune, console))
    if json:
        _emit(report)
        return
    for skipped in report.skipped:
        console.print(f"  skipped {skipped.source}: {skipped.reason}", markup=False, soft_wrap=True)
    gone = f", {len(report.vanished)} {'removed' if report.pruned else 'no longer in the corpus'}" * bool(
        report.vanished
    )
    if prune and report.vanished and not report.pruned:
        console.print("  nothing is removed: it may be among what was skipped", soft_wrap=True)
    typer.echo(
        f"{report.stored} articles stored as {report.chunks} chunks, {report.unchanged} unchanged,"
        f" {len(report.skipped)} skipped{gone} ({report.seconds:.1f} s, collection {report.collection})"
    )


@app.command()
def search(
    query: str,
    collection: Collection = "",
    k: Annotated[int, typer.Option("-k", min=1, max=40, help="How many passages.")] = 5,
    json: Json = False,
) -> None:
    """What the agent would find: chunk ids, article ids, scores by stage, timings."""
    from firstline.telemetry import configure_logs
    from workers.knowledge import run_search

    configure_logs(json=False)
    settings = _settings()
    found = _run(run_search(settings, query, collection or settings.collection, k))
    if json:
        _emit(found)
        return
    typer.echo(
        f"confidence {found.confidence:.2f}   " + "  ".join(f"{n} {ms:.1f} ms" for n, ms in found.timings.items())
    )
    for place, passage in enumerate(found.passages, 1):
        dense = "-" if passage.similarity is None else f"#{passage.dense_rank} {passage.similarity:.3f}"
        text = "-" if passage.text_score is None else f"#{passage.text_rank} {passage.text_score:.3f}"
        title = "-" if passage.title_similarity is None else f"{passage.title_similarity:.3f}"
        typer.echo(
            f"{place}. {passage.chunk_id}  {passage.article_id}  dense {dense}  title {title}  text {text}"
            f"  rrf {passage.fused:.4f}  relevance {passage.relevance:.3f}"
        )
        typer.echo(f"   {passage.title}" + (f" > {passage.heading}" if passage.heading else ""))


@app.command()
def calibrate(
    questions: Annotated[
        Path, typer.Option("--set", help="Folder: corpus.jsonl, and queries.jsonl with unanswerable questions, too.")
    ] = Path("examples/questions"),
    write: Annotated[bool, typer.Option("--write", help="Put the weights where the product reads them.")] = False,
    json: Json = False,
) -> None:
    """Fit how sure an answer is to questions whose answers are known; measured on questions held out."""
    from workers.calibrate import run_calibrate, show_calibration

    report = _run(run_calibrate(_settings(), questions, write, _console(json)))
    _emit(report) if json else show_calibration(report, _console())


@app.command()
def decide(
    utterance: str,
    confidence: Annotated[
        float | None, typer.Option(min=0, max=1, help="The runtime's, when something was found.")
    ] = None,
    json: Json = False,
) -> None:
    """What the policy says of an utterance: refuse category, handoff reason, allowed."""
    from firstline.domain.gate import Evidence, decide_handoff

    decision = decide_handoff(Evidence(utterance, confidence))
    if json:
        _emit(decision)
        return
    typer.echo(f"allowed   {'yes' if decision.allowed else 'no'}")
    typer.echo(f"reason    {decision.reason.value if decision.reason else '-'}")
    typer.echo(f"category  {decision.category.value if decision.category else '-'}")
    typer.echo(f"why       {decision.why}")


@app.command()
def erase(
    phone: Annotated[str, typer.Option(help="The caller's number, +15551234567.")],
    json: Json = False,
) -> None:
    """Erase what is kept of a caller: traces, recordings, rows, histories, Langfuse. Attested without personal data."""
    from workers.erase import run_erase

    attestation, link = _run(run_erase(_settings(), phone))
    if json:
        _emit({"attestation": attestation, "link": link})
        return
    typer.echo(
        f"erased     {attestation.calls} calls, {attestation.traces} traces, {attestation.recordings} recordings,"
        f" {attestation.workflows} workflows"
    )
    if attestation.shown:
        typer.echo(f"Langfuse   was told to delete {attestation.shown} calls, which it does with some delay")
    typer.echo(f"kept       {attestation.kept_by_legal_hold} calls by legal hold")
    typer.echo(f"attested   {link}")
    if attestation.still_open:
        _fail(f"{attestation.still_open} workflows of this caller still run: erase again when they are over")


@app.command()
def hold(
    subject: Annotated[str, typer.Argument(help="A CallSid, or a number for all its calls.")],
    why: Annotated[str, typer.Option(help="The reason, for whoever finds it later.")] = "",
    release: Annotated[bool, typer.Option("--release", help="End the hold.")] = False,
) -> None:
    """A legal hold: what it names is kept whatever its age, and whatever is erased."""
    from workers.erase import run_hold

    typer.echo(_run(run_hold(_settings(), subject, why, release)))


@app.command()
def release(
    build_id: Annotated[str, typer.Argument(help="Version of the workers; default: FIRSTLINE_BUILD_ID.")] = "",
    percent: Annotated[float, typer.Option(min=0, max=100, help="Share of new work; 0 takes a trial back.")] = 100,
    json: Json = False,
) -> None:
    """Give a version of the workers all new work, or a share; calls end on the version on which they began."""
    from workers.release import run_release

    routing = _run(run_release(_settings(), build_id, percent))
    if json:
        _emit(routing)
        return
    typer.echo(f"new work goes to {routing.current or 'workers without a version'}")
    if routing.ramping:
        typer.echo(f"{routing.percent:g} % of it to {routing.ramping}")


@health_app.command("worker")
def health_worker() -> None:
    """Whether the worker of this host asks Temporal for workflow tasks and for activity tasks; exit code 1 if not."""
    from workers.health import Unhealthy, check_worker

    try:
        _run(check_worker(_settings()))
    except Unhealthy as problem:
        typer.echo(f"firstline: {problem}", err=True)
        sys.exit(1)


def _serve(name: str, help_: str) -> Callable[[], None]:
    def command() -> None:
        from firstline.telemetry import configure_logs

        settings = _settings()
        configure_logs(json=settings.env == "production")
        # Imported here: each process loads only what it needs, and none waits for another's models.
        process = importlib.import_module(f"workers.processes.{name}")
        _run(process.run(settings), uvloop=name == "bridge", told_itself=True)

    command.__doc__ = help_
    return command


for _name, _help in {
    "bridge": "Answers Twilio: webhooks on FIRSTLINE_PORT, media streams on FIRSTLINE_MEDIA_PORT.",
    "worker": "Runs every workflow and activity.",
    "speech": "Our server for the OpenAI Realtime protocol, on FIRSTLINE_SPEECH_PORT.",
    "simulators": "Loopback stand-ins for Twilio and PagerDuty, on FIRSTLINE_SIMULATORS_PORT.",
    "codec": "Decrypts for Temporal's web UI, on FIRSTLINE_CODEC_PORT; for the people who may read calls.",
    "postgres": "Embedded Postgres with pgvector, on FIRSTLINE_POSTGRES_PORT.",
}.items():
    serve_app.command(_name)(_serve(_name, _help))


def _settings() -> Any:
    from workers.wiring_settings import BadSettings, load_settings

    try:
        return load_settings()
    except BadSettings as problem:
        _fail(str(problem))


def _run(work: Coroutine[Any, Any, Any], *, uvloop: bool = False, told_itself: bool = False) -> Any:
    """Run to the end; what a user can mend is one line on stderr and exit code 2, never a traceback.

    `told_itself`: the work knows what to do at a SIGTERM; else it is cancelled.
    """
    from workers.until_told import stoppable

    stopped = work if told_itself else stoppable(work)
    try:
        if uvloop:
            import uvloop as loops

            return loops.run(stopped)
        return asyncio.run(stopped)
    except KeyboardInterrupt:
        sys.exit(130)
    except asyncio.CancelledError:
        sys.exit(143)
    except Exception as problem:
        if os.environ.get("FIRSTLINE_TRACEBACK") or not isinstance(problem, _mistakes()):
            raise
        _fail(str(problem))


def _mistakes() -> tuple[type[Exception], ...]:
    """What a user can mend. Loaded when something went wrong: it would cost every command two seconds."""
    from firstline.adapters.embedded_temporal import DevServerMissing
    from firstline.knowledge.errors import CorpusError
    from firstline.ports import PortError
    from firstline.speech.models import ModelFileError
    from workers.phone_call import PhoneError
    from workers.ports_in_use import PortInUse
    from workers.recordings import BadRecording
    from workers.stack import StackError
    from workers.wiring_settings import BadSettings

    return (
        BadRecording, BadSettings, CorpusError, DevServerMissing, ModelFileError, PhoneError, PortError, PortInUse,
        StackError,
    )  # fmt: skip


def _fail(line: str) -> Any:
    typer.echo(f"firstline: {line}", err=True)
    sys.exit(2)


def main() -> None:
    """Entry point of the `firstline` command."""
    try:
        app()
    except SystemExit as done:
        code = done.code
    # Temporal's client keeps native threads that now and then abort an interpreter which is shutting down: a command
    # that did its work would end with 134. What was printed is flushed, and there is nothing else to tidy up.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    main()
