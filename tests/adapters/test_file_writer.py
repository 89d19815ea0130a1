"""Files written beside the loop by one thread."""

import asyncio
import threading
from pathlib import Path

import pytest

from firstline.adapters.file_writer import FileWriter, write_whole


class Disk:
    """Notes which thread wrote what; refuses keys that say so."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.threads: set[str] = set()

    def write(self, key: str, data: bytes) -> None:
        self.threads.add(threading.current_thread().name)
        if key == "full":
            raise OSError("no space left on device")
        self.written.append(key)


class TestWriting:
    async def test_is_over_when_the_put_returns_and_keeps_the_order(self) -> None:
        disk = Disk()
        files = FileWriter(disk.write)

        await asyncio.gather(*(files.put(str(number), b"") for number in range(50)))

        assert disk.written == [str(number) for number in range(50)]
        assert len(disk.threads) == 1
        assert threading.current_thread().name not in disk.threads

    async def test_that_fails_is_told_to_whoever_asked_for_it_alone(self) -> None:
        files = FileWriter((disk := Disk()).write)

        results = await asyncio.gather(*(files.put(key, b"") for key in ("a", "full", "b")), return_exceptions=True)

        assert [type(result) for result in results] == [type(None), OSError, type(None)]
        assert disk.written == ["a", "b"]

    async def test_goes_on_when_one_who_waits_gives_up(self) -> None:
        files = FileWriter((disk := Disk()).write)
        impatient = asyncio.create_task(files.put("a", b""))
        patient = asyncio.create_task(files.put("b", b""))
        await asyncio.sleep(0)
        impatient.cancel()

        await patient

        assert disk.written == ["a", "b"]


def test_every_loop_of_a_process_can_write(tmp_path: Path) -> None:
    files = FileWriter(lambda key, data: (tmp_path / key).write_bytes(data))

    for key in ("first", "second"):
        asyncio.run(files.put(key, b"x"))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


class TestAFile:
    def test_replaces_what_was_there(self, tmp_path: Path) -> None:
        write_whole(tmp_path, "a/b.wav", b"first")
        write_whole(tmp_path, "a/b.wav", b"second")

        assert [(path.name, path.read_bytes()) for path in (tmp_path / "a").iterdir()] == [("b.wav", b"second")]

    def test_that_cannot_be_finished_leaves_nothing_behind(self, tmp_path: Path) -> None:
        (tmp_path / "a" / "b.wav").mkdir(parents=True)

        with pytest.raises(OSError, match=r"b\.wav"):
            write_whole(tmp_path, "a/b.wav", b"x")

        assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.wav"]
