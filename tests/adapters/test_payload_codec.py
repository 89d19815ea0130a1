"""What Temporal keeps of a call cannot be read without a key, and keys can change."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.claim_check import ClaimingCodec, with_claims
from firstline.adapters.payload_codec import EncryptionCodec, UnknownKey, data_converter, parse_keys
from firstline.adapters.temporal import TemporalCallControl, connect
from firstline.names import call_workflow_id
from firstline.ports import Rejected
from tests.fakes.object_store import FakeObjectStore
from tests.workflows.calls import CALLER, started, talking
from workers.processes.codec import build_app

OLD, NEW = ("2026-01", bytes(range(32))), ("2026-11", bytes(range(32, 64)))
SECRET = Payload(metadata={"encoding": b"json/plain"}, data=b'"How do I reset my password?"')
UI = "https://temporal.example"


async def sealed(codec: EncryptionCodec) -> Payload:
    return (await codec.encode([SECRET]))[0]


class TestTheCodec:
    async def test_gives_back_what_it_took_and_shows_nothing_of_it(self) -> None:
        codec = EncryptionCodec([NEW])

        hidden = await sealed(codec)

        assert b"password" not in hidden.SerializeToString()
        assert b"json/plain" not in hidden.SerializeToString()
        assert await codec.decode([hidden]) == [SECRET]

    async def test_seals_the_same_words_differently_every_time(self) -> None:
        codec = EncryptionCodec([NEW])

        assert (await sealed(codec)).data != (await sealed(codec)).data

    async def test_reads_what_an_older_key_wrote_and_writes_with_the_newest(self) -> None:
        hidden = await sealed(EncryptionCodec([OLD]))
        rotated = EncryptionCodec([NEW, OLD])

        assert await rotated.decode([hidden]) == [SECRET]
        assert (await sealed(rotated)).metadata["encryption-key-id"] == b"2026-11"

    async def test_names_the_key_it_lacks(self) -> None:
        with pytest.raises(UnknownKey, match="2026-01"):
            await EncryptionCodec([NEW]).decode([await sealed(EncryptionCodec([OLD]))])

    async def test_notices_a_changed_bit_and_a_changed_key_id(self) -> None:
        codec = EncryptionCodec([NEW, ("twin", NEW[1])])
        flipped, renamed = await sealed(codec), await sealed(codec)
        flipped.data = flipped.data[:-1] + bytes([flipped.data[-1] ^ 1])
        renamed.metadata["encryption-key-id"] = b"twin"

        for changed in (flipped, renamed):
            with pytest.raises(ValueError, match="changed on its way"):
                await codec.decode([changed])

    async def test_passes_on_what_was_never_encrypted(self) -> None:
        """Calls that ran when encryption was switched on go on."""
        assert await EncryptionCodec([NEW]).decode([SECRET]) == [SECRET]


class TestKeys:
    def test_are_read_newest_first(self) -> None:
        text = ", ".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in (NEW, OLD))

        assert parse_keys(text) == [NEW, OLD]
        assert parse_keys("") == []

    @pytest.mark.parametrize("text", ["c2hvcnQ=", "a:c2hvcnQ=", "a:not base64", f":{'A' * 43}="])
    def test_that_are_none_are_refused_without_being_repeated(self, text: str) -> None:
        with pytest.raises(Rejected, match="openssl rand -base64 32") as refused:
            parse_keys(text)

        assert "c2hvcnQ" not in str(refused.value).replace("key 'c2hvcnQ='", "")

    def test_have_different_ids(self) -> None:
        key = base64.b64encode(OLD[1]).decode()

        with pytest.raises(Rejected, match="twice"):
            parse_keys(f"a:{key},a:{key}")


class TestAnEncryptedCall:
    async def test_is_unreadable_for_the_server_and_readable_for_us(self, dev_server: WorkflowEnvironment) -> None:
        address, namespace = dev_server.client.service_client.config.target_host, dev_server.client.namespace
        client = await connect(address, namespace, data_converter([NEW]))
        start = started()
        await TemporalCallControl(client, "nobody-works-here").deliver(start, talking(start))

        plain, ours = [await _first_event(each, start.call_sid) for each in (dev_server.client, client)]
        await client.get_workflow_handle(call_workflow_id(start.call_sid)).terminate()

        assert CALLER.encode() not in plain
        assert CALLER.encode() in (await EncryptionCodec([NEW]).decode([Payload.FromString(ours)]))[0].data


async def _first_event(client: Client, call_sid: str) -> bytes:
    """The input of a call's workflow, as the server keeps it."""
    history = await client.get_workflow_handle(call_workflow_id(call_sid)).fetch_history()
    return history.events[0].workflow_execution_started_event_attributes.input.payloads[0].SerializeToString()


class TestTheCodecServer:
    @pytest.fixture
    async def http(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(build_app(EncryptionCodec([NEW]), UI))
        async with httpx.AsyncClient(transport=transport, base_url="http://codec") as http:
            yield http

    async def test_decodes_what_it_encoded(self, http: httpx.AsyncClient) -> None:
        plain = {"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "IkhpIg=="}

        encoded = (await http.post("/encode", json={"payloads": [plain]})).json()
        decoded = (await http.post("/decode", json=encoded)).json()

        assert encoded["payloads"][0] != plain
        assert decoded == {"payloads": [plain]}

    async def test_says_in_a_line_what_it_cannot_decode(self, http: httpx.AsyncClient) -> None:
        hidden = await sealed(EncryptionCodec([OLD]))
        body = {"payloads": [{"metadata": {k: base64.b64encode(v).decode() for k, v in hidden.metadata.items()}}]}

        answers = [await http.post("/decode", json=body), await http.post("/decode", content=b"{")]

        assert [answer.status_code for answer in answers] == [400, 400]
        assert "2026-01" in answers[0].json()["message"]

    async def test_shows_what_was_too_big_for_a_history_whatever_key_it_was_written_with(self) -> None:
        store = FakeObjectStore()
        big = "How do I reset my password? " * 3000
        [reference] = await with_claims(data_converter([OLD]), store).encode([big])
        app = build_app(ClaimingCodec(EncryptionCodec([NEW, OLD]), store), UI)
        asked = json_format.MessageToDict(Payloads(payloads=[reference]))

        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://codec") as http:
            shown = (await http.post("/decode", json=asked)).json()
            store.blobs.clear()
            lost = await http.post("/decode", json=asked)

        assert base64.b64decode(shown["payloads"][0]["data"]).decode() == f'"{big}"'
        assert (lost.status_code, "has no claims/" in lost.json()["message"]) == (400, True)

    async def test_lets_the_ui_ask_from_its_origin_and_no_other_page(self, http: httpx.AsyncClient) -> None:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-namespace"}

        ours = await http.options("/decode", headers={"Origin": UI, **asked})
        other = await http.options("/decode", headers={"Origin": "https://elsewhere.example", **asked})

        assert ours.headers["access-control-allow-origin"] == UI
        assert "access-control-allow-origin" not in other.headers
