"""Blobs in a dictionary."""

from firstline.ports import Rejected


class FakeObjectStore:
    """What was put, by key."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    async def put(self, key: str, data: bytes) -> str:
        self._check(key)
        self.blobs[key] = data
        return f"https://objects.example/{key}"

    async def get(self, key: str) -> bytes | None:
        self._check(key)
        return self.blobs.get(key)

    def _check(self, key: str) -> None:
        if any(part in ("", ".", "..") for part in key.split("/")):
            raise Rejected(f"object key {key!r} is not a path")
