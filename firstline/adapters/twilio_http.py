"""The Twilio SDK's HTTP client, pointed elsewhere when a base URL is set, and silent about what it sends."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response

from firstline.adapters.loopback import is_loopback
from firstline.adapters.retry_after import retry_after_s
from firstline.ports import PortError

_BUSY = {429, 503}


class TwilioHttp(TwilioHttpClient):  # type: ignore[misc]  # the SDK is published without types
    """Pooled, without retries. An empty `base_url` is Twilio's own."""

    def __init__(self, base_url: str, timeout: float) -> None:
        super().__init__(timeout=timeout, max_retries=0)
        self._base = urlsplit(base_url) if base_url else None
        self.session.trust_env = not is_loopback(base_url)

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Response:
        """As the SDK's; the host is the base URL's. Raises `PortError` for an answer that names a pause."""
        if self._base is not None:
            url = urlunsplit(urlsplit(url)._replace(scheme=self._base.scheme, netloc=self._base.netloc))
        response = super().request(method, url, *args, **options)
        # Here, because the SDK's exceptions carry no headers.
        if response.status_code in _BUSY and (wait := retry_after_s(response.headers)) is not None:
            raise PortError(f"Twilio answered {response.status_code}", retry_after=wait)
        return response

    def log_request(self, kwargs: dict[str, Any]) -> None:
        """Nothing: the SDK would log phone numbers."""

    def log_response(self, status_code: int, response: Any) -> None:
        """Nothing, for the same reason."""
