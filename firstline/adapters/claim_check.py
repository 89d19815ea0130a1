"""Payloads too big for Temporal's history lie in the object store; the history names them.

Temporal warns of a payload of 256 KiB and refuses one of 2 MiB; every byte of a history is also read again whenever a
worker replays it. Its SDK stores a payload after the codec has encrypted it, so that the object store holds what the
server would have held.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1.external_storage_pb2 import ExternalStorageReference
from temporalio.converter import (
    DataConverter,
    ExternalStorage,
    JSONProtoPayloadConverter,
    PayloadCodec,
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
)

from firstline.domain.retention import claim_key
from firstline.ports import ObjectStore, PortError

CLAIMED_FROM = 64 * 1024
"""Bytes. About six answered questions: a turn with the five passages that were found is 9.6 KB in the demo. The facts
of a call come a turn at a time and stay in its history; the record of a longer call does not."""
NAME = "firstline"
"""Of the driver, as histories name it: one that changes makes them unreadable."""


class ClaimLost(PortError):
    """The object store does not have what a history names, or has something else; the message names the key."""


class ObjectStoreClaims(StorageDriver):
    """Payloads under `claims/<workflow id>/`, named by their content: storing one again changes nothing."""

    def __init__(self, store: ObjectStore, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now

    def name(self) -> str:
        """How histories name this driver."""
        return NAME

    async def store(self, context: StorageDriverStoreContext, payloads: Sequence[Payload]) -> list[StorageDriverClaim]:
        """One blob a payload. Raises `PortError`: then the message or the workflow task is tried again."""
        owner = (context.target.id if context.target else None) or "unknown"
        return [await self._put(owner, payload.SerializeToString(deterministic=True)) for payload in payloads]

    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        """The payloads as they were stored. Raises `ClaimLost`, and `PortError` when the store does not answer."""
        return [await self._get(claim.claim_data) for claim in claims]

    async def _put(self, owner: str, data: bytes) -> StorageDriverClaim:
        digest = hashlib.sha256(data).hexdigest()
        key = claim_key(owner, f"{self._now():%Y-%m-%d}", digest)
        await self._store.put(key, data)
        return StorageDriverClaim({"key": key, "sha256": digest})

    async def _get(self, claim: Mapping[str, str]) -> Payload:
        key = claim["key"]
        data = await self._store.get(key)
        if data is None:
            raise ClaimLost(f"the object store has no {key}, which a workflow's history names")
        if hashlib.sha256(data).hexdigest() != claim["sha256"]:
            raise ClaimLost(f"{key} in the object store is not what a workflow's history names")
        return Payload.FromString(data)


def with_claims(converter: DataConverter, store: ObjectStore, from_bytes: int = CLAIMED_FROM) -> DataConverter:
    """The converter, with payloads from that size on (as encrypted) put to the object store."""
    claims = ExternalStorage([ObjectStoreClaims(store)], payload_size_threshold=from_bytes)
    return replace(converter, external_storage=claims)


class ClaimingCodec(PayloadCodec):
    """For Temporal's web UI, which knows codecs and no object store: fetches what a payload names, then decodes it."""

    def __init__(self, inner: PayloadCodec | None, store: ObjectStore) -> None:
        self._inner = inner
        self._claims = ObjectStoreClaims(store)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """What people send from the UI stays within the history."""
        return await self._inner.encode(payloads) if self._inner else list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises `ClaimLost`, and what the inner codec raises."""
        fetched = [await self._fetched(payload) for payload in payloads]
        return await self._inner.decode(fetched) if self._inner else fetched

    async def _fetched(self, payload: Payload) -> Payload:
        if payload.metadata.get("messageType", b"") != ExternalStorageReference.DESCRIPTOR.full_name.encode():
            return payload
        reference = JSONProtoPayloadConverter().from_payload(payload, ExternalStorageReference)
        claim = StorageDriverClaim(dict(reference.claim_data))
        return (await self._claims.retrieve(StorageDriverRetrieveContext(), [claim]))[0]
