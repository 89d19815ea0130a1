"""The command line's side of the help centre: ingest with progress, search with every score."""

from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console

from firstline import names
from firstline.adapters.postgres import migrate, open_pool
from firstline.domain.passages import SearchResult
from firstline.knowledge.ingest import IngestReport, ingest
from firstline.settings import Settings
from workers import wiring
from workers.ingest_durably import ingest_durably, ingesting_client
from workers.ingest_view import IngestView
from workers.wiring_knowledge import embedding_model
from workers.wiring_settings import database_url
from workers.wiring_store import object_store


async def collection_size(settings: Settings) -> int:
    """Chunks in the configured collection, the schema brought up to date first; 0 when it is not there."""
    url = database_url(settings)
    await migrate(url)
    pool = await open_pool(url, max_size=1)
    try:
        async with pool.connection() as connection:
            cursor = await connection.execute(
                "select count(*) from chunks join collections on collections.id = chunks.collection_id where name = %s"
                " and state = 'active'",
                (settings.collection,),
            )
            row = await cursor.fetchone()
            return int(row[0]) if row else 0
    finally:
        await pool.close()


async def run_ingest(settings: Settings, path: Path, collection: str, prune: bool, console: Console) -> IngestReport:
    """Ingest a folder or file, showing how far it is.

    By its workflow where Temporal and a worker are there, and then it goes on when this process ends; else by
    ourselves, as when a stack starts for the first time. Neither loses what the other committed.
    """
    url = database_url(settings)
    await migrate(url)
    with IngestView(console) as view:
        client = await ingesting_client(settings)
        if client is not None:
            console.print(f"  [dim]workflow {names.ingest_workflow_id(collection)} goes on if this ends[/]")
            store = object_store(settings)
            return await ingest_durably(client, store, path, collection, prune=prune, progress=view.tell)
        pool = await open_pool(url)
        try:
            embedder = embedding_model(settings)
            return await ingest(pool, embedder, path, collection, progress=view.tell, prune=prune)
        finally:
            await pool.close()


async def run_search(settings: Settings, query: str, collection: str, k: int) -> SearchResult:
    """What the agent would find."""
    async with AsyncExitStack() as stack:
        knowledge = await wiring.Opened(settings, stack).knowledge(collection)
        return await knowledge.search(query, k=k)
