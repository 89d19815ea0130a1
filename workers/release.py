"""A new version of the workers takes the work; what runs on an old one ends there."""

from firstline import names
from firstline.adapters.deployment import Routing, WorkerVersions
from firstline.adapters.temporal import connect
from firstline.ports import Rejected
from firstline.settings import Settings


async def run_release(settings: Settings, build_id: str, percent: float) -> Routing:
    """`firstline release`. Raises `Rejected` where no version is named, or no worker has it."""
    wanted = build_id or settings.build_id
    if not wanted:
        raise Rejected("name a version: `firstline release BUILD_ID`, or set FIRSTLINE_BUILD_ID")
    client = await connect(settings.temporal_address, settings.temporal_namespace)
    return await WorkerVersions(client, names.WORKER_DEPLOYMENT).release(wanted, percent)
