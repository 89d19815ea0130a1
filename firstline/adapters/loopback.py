"""Whether a vendor's base URL points at this machine."""

from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """True for a simulator on this machine, which must not be asked through the environment's HTTP proxy."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}
