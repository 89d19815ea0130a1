"""Whether a request is Twilio's.

`X-Twilio-Signature` is base64(HMAC-SHA1(auth token, URL + sorted form fields)); the WebSocket upgrade is signed over
its own URL. Checked by Twilio's own validator against the *public* URL, which a proxy in front of us may hide.
"""

from collections.abc import Mapping

from twilio.request_validator import RequestValidator


class TwilioSignature:
    """Validates webhooks and upgrades for one auth token."""

    def __init__(self, auth_token: str, bridge_url: str, media_url: str) -> None:
        self._validator = RequestValidator(auth_token)
        self._bridge_url = bridge_url
        self._media_url = media_url

    def webhook(self, path_and_query: str, form: Mapping[str, str], signature: str) -> bool:
        """Whether a form POST to this path came from Twilio."""
        return bool(self._validator.validate(self._bridge_url + path_and_query, dict(form), signature))

    def upgrade(self, signature: str) -> bool:
        """Whether a WebSocket upgrade of the media path came from Twilio."""
        return bool(self._validator.validate(self._media_url, {}, signature))
