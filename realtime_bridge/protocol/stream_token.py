"""The token that ties a media stream to the webhook which announced it.

Twilio signs the upgrade over the URL alone, so its signature is the same for every call and for ever: whoever has seen
one can open a socket. The token says which call the socket is for, is good for a minute, and is taken once. It travels
as a `<Parameter>`, because a stream's URL takes no query string (https://www.twilio.com/docs/voice/twiml/stream).

Bound and expiring by what it says; taken once by this process's memory. A second bridge that sees the same token within
its minute takes it too: bridges share no memory, and audio waits for no store that they could share.
"""

import base64
import hashlib
import hmac
import secrets

LIFETIME = 60.0
"""Seconds from our TwiML to Twilio's `start`: it connects within one or two."""
_PURPOSE = b"firstline media stream token"


class TokenRefused(Exception):
    """A stream that this bridge did not announce; `why` is one word for a metric."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the stream token is {why}")
        self.why = why


class StreamTokens:
    """Makes and takes tokens: `expiry.nonce.HMAC-SHA256`, the HMAC over the CallSid too. Times are Unix seconds."""

    def __init__(self, secret: str) -> None:
        # A key of its own: what this key signs says nothing about Twilio's auth token, nor the other way round.
        self._key = hmac.new(secret.encode(), _PURPOSE, hashlib.sha256).digest()
        self._taken: dict[str, float] = {}
        """Nonce -> when its token expires by itself; oldest first."""

    def mint(self, call_sid: str, now: float) -> str:
        """A token for one stream of this call."""
        expires, nonce = str(int(now + LIFETIME)), secrets.token_urlsafe(12)
        return f"{expires}.{nonce}.{self._mac(call_sid, expires, nonce)}"

    def take(self, token: str, call_sid: str, now: float) -> None:
        """Use a token up. Raises `TokenRefused` when it is missing, forged (or another call's), expired or used."""
        if not token:
            raise TokenRefused("missing")
        expires, _, rest = token.partition(".")
        nonce, _, mac = rest.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(call_sid, expires, nonce).encode()):
            raise TokenRefused("forged")
        if now > int(expires):
            raise TokenRefused("expired")
        self._forget(now)
        if nonce in self._taken:
            raise TokenRefused("replayed")
        self._taken[nonce] = int(expires)

    def _mac(self, call_sid: str, expires: str, nonce: str) -> str:
        digest = hmac.new(self._key, f"{call_sid}.{expires}.{nonce}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _forget(self, now: float) -> None:
        self._taken = {nonce: expires for nonce, expires in self._taken.items() if expires >= now}
