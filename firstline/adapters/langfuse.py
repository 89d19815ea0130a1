"""Calls in Langfuse: traces over OTLP/HTTP, recordings by the media API (checked against its OpenAPI description).

Retries are Temporal's. Whatever is sent again replaces itself: trace and span ids are made from the CallSid, and a
recording that Langfuse has is not uploaded again.
"""

import base64
import gzip
import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import structlog
from prometheus_client import Counter

from firstline.adapters.langfuse_observations import Model, observations
from firstline.adapters.langfuse_otlp import TraceHead, export_request, span_id, trace_id
from firstline.adapters.loopback import is_loopback
from firstline.adapters.retry_after import retry_after_s
from firstline.domain.flags import kinds
from firstline.ports import CallRecord, PortError, Rejected

log = structlog.get_logger()

shown = Counter("firstline_langfuse_requests_total", "Requests to Langfuse, by what came of them", ["what", "result"])

_TIMEOUT_S = 20.0
_INGESTION_VERSION = "4"
"""Shown at once; without it a trace may lag for ten minutes."""
_USER_DIGITS = 16
_FORGET_AT_ONCE = 100


@dataclass(frozen=True)
class LangfuseAccount:
    """Where and as whom. `host` is the base URL, https://cloud.langfuse.com for example."""

    host: str
    public_key: str
    secret_key: str


class LangfuseTraces:
    """`ports_after_call.TraceView`. `model` is what answers the calls."""

    def __init__(self, account: LangfuseAccount, *, model: Model, environment: str, release: str) -> None:
        """Raises `Rejected` when the settings cannot be right."""
        if not account.host.startswith("https://") and not is_loopback(account.host):
            raise Rejected(f"LANGFUSE_HOST {account.host!r} must begin with https://")
        self._host = account.host.rstrip("/")
        self._key = account.secret_key.encode()
        self._model, self._environment, self._release = model, environment, release
        trust_env = not is_loopback(account.host)
        self._http = httpx.AsyncClient(
            base_url=f"{self._host}/api/public/",
            auth=(account.public_key, account.secret_key),
            timeout=_TIMEOUT_S,
            trust_env=trust_env,
        )
        # A signed upload address is another host's, which must not be shown our keys.
        self._storage = httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=trust_env)

    async def show(self, record: CallRecord, audio: Mapping[str, bytes]) -> str:
        """The whole tree in one export, after its recordings; returns the session's address in Langfuse."""
        call_sid = record.start.call_sid
        references = await self._keep_audio(record, audio)
        head = TraceHead(
            call_sid,
            self._hashed(record.start.from_number),
            [f"outcome:{record.outcome.value}", f"language:{record.language}", *kinds(record.flags)],
            self._environment,
            self._release,
        )
        body = gzip.compress(export_request(head, observations(record, self._model, references)), mtime=0)
        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
            "x-langfuse-ingestion-version": _INGESTION_VERSION,
        }
        await self._ask("trace", "POST", "otel/v1/traces", content=body, headers=headers)
        return f"{self._host}/sessions/{call_sid}"

    async def forget(self, call_sids: Collection[str]) -> None:
        """Delete the traces of these calls; harmless for calls that are not there. Langfuse deletes with some delay."""
        ids = [trace_id(sid) for sid in call_sids]
        for begin in range(0, len(ids), _FORGET_AT_ONCE):
            asked = {"traceIds": ids[begin : begin + _FORGET_AT_ONCE]}
            await self._ask("forget", "DELETE", "traces", json=asked)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        await self._storage.aclose()

    def _hashed(self, number: str) -> str:
        """The same caller is the same user; without our key nobody can try out which number it is."""
        return hmac.new(self._key, number.encode(), hashlib.sha256).hexdigest()[:_USER_DIGITS] if number else "unknown"

    # --- recordings -------------------------------------------------------------------------------------------------

    async def _keep_audio(self, record: CallRecord, audio: Mapping[str, bytes]) -> dict[str, str]:
        """Object key -> reference, of every recording that Langfuse took. One that it refuses is left out."""
        references: dict[str, str] = {}
        for place, turn in enumerate(record.turns, 1):
            for side, key in (("input", turn.audio.caller), ("output", turn.audio.agent)):
                if key not in audio:
                    continue
                observation = span_id(record.start.call_sid, f"turn-{place}")
                try:
                    media = await self._upload(record.start.call_sid, observation, side, audio[key])
                except Rejected as problem:
                    log.warning("langfuse_audio_refused", call_sid=record.start.call_sid, problem=str(problem))
                    continue
                references[key] = f"@@@langfuseMedia:type=audio/wav|id={media}|source=bytes@@@"
        return references

    async def _upload(self, call_sid: str, observation: str, side: str, wav: bytes) -> str:
        """Langfuse's id of a recording, which it has when this returns."""
        digest = base64.b64encode(hashlib.sha256(wav).digest()).decode()
        asked = {
            "traceId": trace_id(call_sid),
            "observationId": observation,
            "contentType": "audio/wav",
            "contentLength": len(wav),
            "sha256Hash": digest,
            "field": side,
        }
        told = (await self._ask("media", "POST", "media", json=asked)).json()
        media, address = str(told["mediaId"]), told.get("uploadUrl")
        if address:
            await self._store(media, str(address), wav, digest)
        return media

    async def _store(self, media: str, address: str, wav: bytes, digest: str) -> None:
        """Put it where Langfuse says, and tell Langfuse what came of it."""
        headers = {"Content-Type": "audio/wav"}
        if "storage.googleapis.com" not in address:
            # S3 and Azure ask for these; Google refuses what it did not sign.
            headers |= {"x-amz-checksum-sha256": digest, "x-ms-blob-type": "BlockBlob"}
        try:
            answer = await self._storage.put(address, content=wav, headers=headers)
        except httpx.HTTPError as error:
            raise PortError(f"Langfuse's media storage could not be reached: {type(error).__name__}") from error
        outcome: dict[str, Any] = {
            "uploadedAt": datetime.now(UTC).isoformat(),
            "uploadHttpStatus": answer.status_code,
            "uploadHttpError": None if answer.is_success else answer.reason_phrase,
        }
        await self._ask("media", "PATCH", f"media/{media}", json=outcome)
        _raise_for("Langfuse's media storage", answer)

    async def _ask(self, what: str, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            shown.labels(what, "unreachable").inc()
            raise PortError(f"Langfuse could not be reached: {type(error).__name__}") from error
        shown.labels(what, "ok" if answer.is_success else str(answer.status_code)).inc()
        _raise_for("Langfuse", answer)
        return answer


def _raise_for(who: str, answer: httpx.Response) -> None:
    """Raises `Rejected` where a retry of the same request will not help, `PortError` where it may."""
    status = answer.status_code
    if answer.is_success:
        return
    if answer.is_client_error and status not in (408, 425, 429):
        raise Rejected(f"{who} refused the request ({status})")
    raise PortError(f"{who} answered {status}", retry_after=retry_after_s(answer.headers))
