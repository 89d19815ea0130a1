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
    json: Json = False,
) -> None:
    """Whether the right article is found: BM25, full text, dense, fused and reranked, side by side."""
    from firstline.telemetry import configure_logs
    from workers import cli
    from workers.bench.report import show
    from workers.bench.retrieval import run_retrieval

    configure_logs(json=False, level=logging.WARNING)
    report = cli._run(run_retrieval(cli._settings(), questions, limit, cli._console(True)))
    if json:
        cli._emit(report)
    else:
        show(report, cli._console())
