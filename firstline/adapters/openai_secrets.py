"""Short-lived secrets for OpenAI's Realtime API, by the official SDK: the bridge at the edge connects with these alone.

`POST /v1/realtime/client_secrets`. A secret opens any number of sessions until it expires; a session that is open does
not end with it. So one is made every few minutes, and not for every call.
"""

import asyncio
import time
from collections.abc import Callable

from openai import APIStatusError, AsyncOpenAI, OpenAIError

from firstline.ports import PortError, Rejected

LIFETIME = 600
"""Seconds; OpenAI's own default, of 10 to 7,200."""
RENEW_BEFORE = 60.0
"""Seconds before its end: a connection that is slow to open must not find it expired."""
_FINAL = {400, 401, 403, 404, 422}


class OpenAIClientSecrets:
    """Makes a secret, and hands out the same one until it is nearly over."""

    def __init__(
        self,
        api_key: str,
        model: str,
        base_url: str = "",
        *,
        timeout: float = 3.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`base_url`: where `/realtime/client_secrets` is, empty for OpenAI's; `clock` gives Unix seconds."""
        self._model = model
        self._clock = clock
        self._client = AsyncOpenAI(api_key=api_key, base_url=base_url or None, timeout=timeout, max_retries=0)
        self._one_at_a_time = asyncio.Lock()
        self._value, self._expires_at = "", 0.0

    async def secret(self) -> str:
        """A secret that is good for at least a minute. Raises `Rejected` when no retry helps, else `PortError`.

        The message of `Rejected` is OpenAI's code for what is wrong.
        """
        async with self._one_at_a_time:
            if self._clock() > self._expires_at - RENEW_BEFORE:
                await self._renew()
            return self._value

    async def _renew(self) -> None:
        try:
            made = await self._client.realtime.client_secrets.create(
                expires_after={"anchor": "created_at", "seconds": LIFETIME},
                session={"type": "realtime", "model": self._model},
            )
        except APIStatusError as error:
            code = str(error.code or error.type or error.status_code)
            final = error.status_code in _FINAL or code == "insufficient_quota"
            raise (Rejected if final else PortError)(code) from error
        except OpenAIError as error:
            raise PortError(f"OpenAI made no client secret: {type(error).__name__}") from error
        self._value, self._expires_at = made.value, float(made.expires_at)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()
