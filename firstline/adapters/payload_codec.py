"""Encryption of what Temporal keeps of a call: AES-256-GCM, the key named in the payload, so that keys can rotate.

Temporal's server stores inputs, results, signals and summaries it cannot read. Search attributes are not payloads of
ours: they stay readable, because the server searches by them.
"""

import base64
import binascii
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from firstline.ports import Rejected

ENCODING = b"binary/encrypted"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class UnknownKey(ValueError):
    """A payload was encrypted with a key that is not among ours; the message names its id."""


class EncryptionCodec(PayloadCodec):
    """Encrypts with the first key, decrypts with whichever the payload names; passes on what is not encrypted."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        """`keys`: id -> 32 bytes, the one to encrypt with first."""
        self._newest = keys[0][0]
        self._ciphers = {name: AESGCM(key) for name, key in keys}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """The payloads, their metadata included, each under a nonce of its own."""
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """The payloads as they were. Raises `UnknownKey`, and `ValueError` for one that was tampered with."""
        return [self._decrypt(payload) for payload in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        nonce, name = os.urandom(_NONCE_BYTES), self._newest.encode()
        # The key's id is bound to the text: a payload cannot be passed off as one of another key.
        sealed = nonce + self._ciphers[self._newest].encrypt(nonce, payload.SerializeToString(), name)
        return Payload(metadata={"encoding": ENCODING, "encryption-key-id": name}, data=sealed)

    def _decrypt(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding", b"") != ENCODING:
            return payload
        name = payload.metadata.get("encryption-key-id", b"")
        cipher = self._ciphers.get(name.decode("utf-8", "replace"))
        if cipher is None:
            raise UnknownKey(f"FIRSTLINE_PAYLOAD_KEYS has no key {name!r}, with which this was encrypted")
        try:
            text = cipher.decrypt(payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:], name)
        except InvalidTag as error:
            raise ValueError("an encrypted payload was changed on its way") from error
        return Payload.FromString(text)


def parse_keys(text: str) -> list[tuple[str, bytes]]:
    """`id:base64 of 32 bytes`, commas between, the newest first. Raises `Rejected`, which never repeats a key."""
    keys = [_parse_key(part.strip()) for part in text.split(",") if part.strip()]
    names = [name for name, _ in keys]
    if len(set(names)) != len(names):
        raise Rejected("FIRSTLINE_PAYLOAD_KEYS names a key twice")
    return keys


def data_converter(keys: Iterable[tuple[str, bytes]]) -> DataConverter:
    """What a Temporal client is connected with: encrypting when there are keys."""
    known = list(keys)
    if not known:
        return DataConverter.default
    # An error's message and stack may quote what was being worked on: they are encrypted as well.
    return replace(
        DataConverter.default,
        payload_codec=EncryptionCodec(known),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def _parse_key(part: str) -> tuple[str, bytes]:
    name, _, encoded = part.partition(":")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not name or len(key) != _KEY_BYTES:
        raise Rejected(
            f"FIRSTLINE_PAYLOAD_KEYS: key {name!r} is not id:base64 of {_KEY_BYTES} bytes (openssl rand -base64 32)"
        )
    return name, key
