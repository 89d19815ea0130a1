"""Blobs in a dictionary."""

from collections.abc import Sequence

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

    async def delete(self, key: str) -> bool:
        self._check(key)
        return self.blobs.pop(key, None) is not None

    async def move(self, key: str, to: str) -> str | None:
        data = await self.get(key)
        if data is None:
            return None
        link = await self.put(to, data)
        await self.delete(key)
        return link

    async def keys(self, prefix: str) -> Sequence[str]:
        return sorted(key for key in self.blobs if key.startswith(prefix))

    async def folders(self, prefix: str) -> Sequence[str]:
        below = (key.removeprefix(prefix).partition("/") for key in await self.keys(prefix))
        return sorted({f"{prefix}{name}/" for name, slash, _ in below if slash})

    def _check(self, key: str) -> None:
        if any(part in ("", ".", "..") for part in key.split("/")):
            raise Rejected(f"object key {key!r} is not a path")
