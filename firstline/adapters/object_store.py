"""Blobs in a local folder or in S3/R2, by one library: `file:///…` or `s3://bucket/prefix`."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import obstore
from obstore.exceptions import BaseError, GenericError, NotFoundError, PermissionDeniedError
from obstore.store import LocalStore, S3Store, from_url

from firstline.adapters.file_writer import FileWriter, write_whole
from firstline.ports import PortError, Rejected

_LINK_LIFE = timedelta(days=7)
"""The longest that S3 signs a link for."""
_SCHEMES = ("file://", "s3://")


class ObstoreObjectStore:
    """`ports.ObjectStore`. Putting the same key again replaces the blob: harmless when repeated."""

    def __init__(self, url: str, *, link_base: str = "", **config: Any) -> None:
        """`url`: `file:///folder` (made when missing) or `s3://bucket/prefix`.

        `link_base` is where people reach the blobs (a console, a public bucket); without it a local blob's link is its
        `file://` address and an S3 blob's a signed one that lives 7 days. `config` goes to the store as it is
        (`endpoint=…`, `access_key_id=…`, `secret_access_key=…`, `region=…` for S3 and R2). Raises `Rejected`.
        """
        if not url.startswith(_SCHEMES):
            raise Rejected(f"object store {url!r} is neither file:///folder nor s3://bucket/prefix")
        try:
            # Retries are the caller's, who can be patient without holding a call.
            retry: dict[str, Any] = {"retry_config": {"max_retries": 0, "retry_timeout": timedelta(seconds=30)}}
            local = url.startswith("file://")
            store = LocalStore.from_url(url, mkdir=True) if local else from_url(url, **retry, **config)
        except (BaseError, OSError, ValueError) as error:
            raise Rejected(f"object store {url!r} cannot be opened: {_line(error)}") from error
        assert isinstance(store, LocalStore | S3Store)
        self._store: LocalStore | S3Store = store
        # The library's own writes wake a thread of their own for each file, and under load ever more of them.
        self._files = (
            FileWriter(partial(write_whole, Path(str(store.prefix)))) if isinstance(store, LocalStore) else None
        )
        self._link_base = link_base.rstrip("/")

    async def put(self, key: str, data: bytes) -> str:
        """Store, replacing what is there; returns a link that a person can open. Raises `Rejected` for a bad key."""
        _check(key)
        try:
            if self._files is None:
                await obstore.put_async(self._store, key, data)
            else:
                await self._files.put(key, data)
            return await self._link(key)
        except (PermissionDeniedError, GenericError, BaseError, OSError) as error:
            raise PortError(f"{key} was not stored: {_line(error)}") from error

    async def get(self, key: str) -> bytes | None:
        """The blob, or None when there is none."""
        _check(key)
        try:
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())
        except (NotFoundError, FileNotFoundError):
            return None
        except (BaseError, OSError) as error:
            raise PortError(f"{key} was not read: {_line(error)}") from error

    async def delete(self, key: str) -> bool:
        """Remove the blob; False when there was none."""
        _check(key)
        try:
            await obstore.head_async(self._store, key)
            await obstore.delete_async(self._store, key)
        except (NotFoundError, FileNotFoundError):
            return False
        except (BaseError, OSError) as error:
            raise PortError(f"{key} was not deleted: {_line(error)}") from error
        return True

    async def move(self, key: str, to: str) -> str | None:
        """Copy, then delete: what breaks off in between is done again."""
        data = await self.get(key)
        if data is None:
            return None
        link = await self.put(to, data)
        await self.delete(key)
        return link

    async def keys(self, prefix: str) -> Sequence[str]:
        """Every key under a folder, sorted."""
        _check(prefix.removesuffix("/"))
        try:
            found = [str(blob["path"]) async for batch in obstore.list(self._store, prefix) for blob in batch]
        except (BaseError, OSError) as error:
            raise PortError(f"{prefix} was not listed: {_line(error)}") from error
        return sorted(found)

    async def folders(self, prefix: str) -> Sequence[str]:
        """The folders of a folder, sorted."""
        _check(prefix.removesuffix("/"))
        try:
            found = await obstore.list_with_delimiter_async(self._store, prefix)
        except (NotFoundError, FileNotFoundError):
            return []
        except (BaseError, OSError) as error:
            raise PortError(f"{prefix} was not listed: {_line(error)}") from error
        return sorted(f"{str(folder).rstrip('/')}/" for folder in found["common_prefixes"])

    async def _link(self, key: str) -> str:
        if self._link_base:
            return f"{self._link_base}/{quote(key)}"
        if isinstance(self._store, LocalStore):
            return (Path(str(self._store.prefix)) / key).as_uri()
        return await obstore.sign_async(self._store, "GET", key, _LINK_LIFE)


def _check(key: str) -> None:
    """A key is a relative path of plain names, so that a local folder and a bucket mean the same by it."""
    parts = key.split("/")
    if not key.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise Rejected(f"object key {key!r} is not a path of plain names such as calls/CA1/trace.json")


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
