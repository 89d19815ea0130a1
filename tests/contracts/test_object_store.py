"""What every object store does, the fake one included."""

import asyncio
from pathlib import Path
from urllib.request import urlopen

import pytest

from firstline.adapters.object_store import ObstoreObjectStore
from firstline.ports import ObjectStore, PortError, Rejected
from tests.fakes.object_store import FakeObjectStore


def s3(endpoint: str) -> ObstoreObjectStore:
    return ObstoreObjectStore(
        "s3://traces/hot",
        endpoint=endpoint,
        region="auto",
        access_key_id="k",
        secret_access_key="s",
        client_options={"allow_http": True},
    )


def opened(link: str) -> bytes:
    with urlopen(link) as answer:
        return bytes(answer.read())


@pytest.fixture(params=["fake", "folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "fake":
        return FakeObjectStore()
    if request.param == "folder":
        return ObstoreObjectStore((tmp_path / "blobs").as_uri())
    return s3(request.getfixturevalue("bucket_endpoint"))


class TestObjectStore:
    async def test_gives_back_what_was_put(self, store: ObjectStore) -> None:
        await store.put("calls/CA1/trace.json", b"{}")

        assert await store.get("calls/CA1/trace.json") == b"{}"

    async def test_replaces_what_is_there(self, store: ObjectStore) -> None:
        await store.put("calls/CA2/audio.wav", b"first")

        await store.put("calls/CA2/audio.wav", b"second")

        assert await store.get("calls/CA2/audio.wav") == b"second"

    async def test_has_nothing_for_a_key_that_was_never_put(self, store: ObjectStore) -> None:
        assert await store.get("calls/CA3/nothing") is None

    async def test_returns_a_link_to_the_blob(self, store: ObjectStore) -> None:
        link = await store.put("calls/CA4/trace.json", b"{}")

        assert "calls/CA4/trace.json" in link
        assert link.startswith(("https://", "http://", "file://"))

    @pytest.mark.parametrize("key", ["", "../outside", "a//b", "/absolute", "a/./b"])
    async def test_refuses_a_key_that_leaves_its_place(self, store: ObjectStore, key: str) -> None:
        with pytest.raises(Rejected):
            await store.put(key, b"")

    async def test_forgets_what_is_deleted_and_says_whether_it_was_there(self, store: ObjectStore) -> None:
        await store.put("calls/CA5/trace.json", b"{}")

        assert [await store.delete("calls/CA5/trace.json") for _ in range(2)] == [True, False]
        assert await store.get("calls/CA5/trace.json") is None

    async def test_moves_a_blob_once(self, store: ObjectStore) -> None:
        await store.put("hot/CA6.json", b"six")

        links = [await store.move("hot/CA6.json", "cold/hot/CA6.json") for _ in range(2)]

        assert "cold/hot/CA6.json" in (links[0] or "")
        assert links[1] is None
        assert (await store.get("hot/CA6.json"), await store.get("cold/hot/CA6.json")) == (None, b"six")

    async def test_lists_a_folder_whole_and_nothing_beside_it(self, store: ObjectStore) -> None:
        for key in ("listed/b/2.json", "listed/a/1 +é.json", "listed-not/3.json"):
            await store.put(key, b"")

        assert list(await store.keys("listed/")) == ["listed/a/1 +é.json", "listed/b/2.json"]
        assert list(await store.keys("nothing/")) == []

    async def test_lists_the_folders_of_a_folder_and_nothing_in_them(self, store: ObjectStore) -> None:
        for key in ("days/2026-11-17/CA1/a.wav", "days/2026-11-17/b.json", "days/2026-11-18/c.json", "days/d.json"):
            await store.put(key, b"")

        assert list(await store.folders("days/")) == ["days/2026-11-17/", "days/2026-11-18/"]
        assert list(await store.folders("no-days/")) == []


class TestLinks:
    async def test_of_a_folder_open_the_file(self, tmp_path: Path) -> None:
        link = await ObstoreObjectStore((tmp_path / "with space").as_uri()).put("a/b.txt", b"there")

        assert await asyncio.to_thread(opened, link) == b"there"

    async def test_of_a_bucket_are_signed(self, bucket_endpoint: str) -> None:
        link = await s3(bucket_endpoint).put("a/b.txt", b"there")

        assert "X-Amz-Signature=" in link
        assert await asyncio.to_thread(opened, link) == b"there"

    async def test_lead_to_the_place_people_are_given(self, tmp_path: Path) -> None:
        store = ObstoreObjectStore(tmp_path.as_uri(), link_base="https://console.example/archive/")

        assert await store.put("a/b c.txt", b"") == "https://console.example/archive/a/b%20c.txt"


class TestFailures:
    async def test_of_a_bucket_that_does_not_answer_are_worth_a_retry(self) -> None:
        with pytest.raises(PortError) as told:
            await s3("http://127.0.0.1:1").put("a", b"")

        assert not isinstance(told.value, Rejected)
        assert "\n" not in str(told.value)

    def test_name_a_url_that_is_no_store(self) -> None:
        with pytest.raises(Rejected, match="ftp://x"):
            ObstoreObjectStore("ftp://x")
