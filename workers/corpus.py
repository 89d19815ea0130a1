"""`firstline corpus …`: the versions of a collection, and the way back to the one before."""

from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, help=__doc__)

Collection = Annotated[str, typer.Option(help="Which corpus; default: FIRSTLINE_COLLECTION.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("versions")
def show_versions(collection: Collection = "", json: Json = False) -> None:
    """What there is of a collection, newest first; `active` is the version that is searched."""
    from workers import cli

    settings = cli._settings()
    found = cli._run(_versions(settings, collection or settings.collection))
    if json:
        cli._emit(found)
        return
    for one in found:
        since = f"since {one.activated_at:%Y-%m-%d %H:%M}" if one.activated_at else "not searched yet"
        typer.echo(
            f"{one.version:>4}  {one.state:<8}  {one.articles:>6} articles  {one.chunks:>6} chunks  {since}"
            f"  {one.embedding_model}"
        )


@app.command("roll-back")
def go_back(collection: Collection = "") -> None:
    """Search the version before the active one again, at once."""
    from workers import cli

    settings = cli._settings()
    name = collection or settings.collection
    typer.echo(f"collection {name}: version {cli._run(_roll_back(settings, name))} is searched")


async def _versions(settings: Any, name: str) -> list[Any]:
    from firstline.adapters.postgres import migrate, open_pool
    from firstline.knowledge.errors import CorpusError
    from firstline.knowledge.versions import versions
    from workers.wiring_settings import database_url

    url = database_url(settings)
    await migrate(url)
    pool = await open_pool(url, max_size=1)
    try:
        async with pool.connection() as connection:
            found = await versions(connection, name)
    finally:
        await pool.close()
    if not found:
        raise CorpusError(f"there is no collection {name!r}: run firstline ingest PATH --collection {name}")
    return list(found)


async def _roll_back(settings: Any, name: str) -> int:
    from firstline.adapters.postgres import open_pool
    from firstline.knowledge.versions import roll_back
    from workers.wiring_settings import database_url

    pool = await open_pool(database_url(settings), max_size=1)
    try:
        async with pool.connection() as connection:
            return (await roll_back(connection, name)).version
    finally:
        await pool.close()
