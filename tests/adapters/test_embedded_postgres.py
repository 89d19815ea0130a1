"""The embedded server survives what happens to servers on laptops."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from firstline.adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError, shared_buffers
from workers.ports_in_use import free_port

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="firstline-postgres-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder / "data", free_port())
    server.start()
    yield server
    server.stop()


def pid_of(server: EmbeddedPostgres, folder: Path) -> int:
    assert server.running
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])


@pytest.mark.parametrize(("gib", "shared"), [(1, "512MB"), (4, "1024MB"), (8, "2048MB"), (64, "2048MB")])
def test_a_quarter_of_the_memory_is_shared_within_bounds(gib: int, shared: str) -> None:
    assert shared_buffers(gib * 2**30) == shared


class TestEmbeddedPostgres:
    def test_has_pgvector(self, server: EmbeddedPostgres) -> None:
        with psycopg.connect(server.url) as connection:
            row = connection.execute("select 1 from pg_available_extensions where name = 'vector'").fetchone()

        assert row == (1,)

    def test_keeps_its_data_over_a_restart(self, server: EmbeddedPostgres) -> None:
        with psycopg.connect(server.url) as connection:
            connection.execute("create table kept as select 7 as n")

        server.stop()
        assert not server.running
        server.start()

        with psycopg.connect(server.url) as connection:
            assert connection.execute("select n from kept").fetchone() == (7,)

    def test_starts_again_over_the_stale_pid_file_of_a_killed_server(
        self, server: EmbeddedPostgres, folder: Path
    ) -> None:
        killed = psutil.Process(pid_of(server, folder))
        workers = killed.children(recursive=True)
        killed.kill()
        psutil.wait_procs(workers, timeout=10)
        assert (folder / "data" / "postmaster.pid").exists()

        server.start()

        with psycopg.connect(server.url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)

    def test_adopts_the_server_of_a_parent_that_was_killed(self, server: EmbeddedPostgres, folder: Path) -> None:
        port = free_port()
        server.stop()
        code = (
            "import os, sys; from pathlib import Path\n"
            "from firstline.adapters.embedded_postgres import EmbeddedPostgres\n"
            f"EmbeddedPostgres(Path({str(folder / 'data')!r}), {port}).start(); os._exit(9)"
        )
        subprocess.run([sys.executable, "-c", code], check=False)
        heir = EmbeddedPostgres(folder / "data", port)

        heir.start()

        orphan = psutil.Process(pid_of(heir, folder))
        heir.stop()
        assert not orphan.is_running()

    def test_says_in_one_line_that_the_port_is_taken(self, server: EmbeddedPostgres, folder: Path) -> None:
        port = int(server.url.rpartition(":")[2].split("/")[0])

        with pytest.raises(EmbeddedPostgresError, match=f"did not start on port {port}") as told:
            EmbeddedPostgres(folder / "other", port).start()

        assert "\n" not in str(told.value)
        assert server.running
