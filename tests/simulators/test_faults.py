"""Faults that are armed reach the client as the real thing would."""

import httpx
import pytest

from tests.simulators.phone_booth import Booth
from tests.simulators.test_pagerduty import incidents, send

pytestmark = pytest.mark.integration


async def test_a_refusal_carries_the_headers_that_were_asked_for(booth: Booth) -> None:
    await booth.post("/sim/faults", {"prefix": "/pagerduty", "status": 429, "headers": {"Retry-After": "3"}})

    refused = await send(booth)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")
    assert await incidents(booth) == []


@pytest.mark.parametrize(("after", "taken"), [(True, 1), (False, 0)])
async def test_a_connection_breaks_in_the_middle_of_the_answer(booth: Booth, after: bool, taken: int) -> None:
    await booth.post("/sim/faults", {"prefix": "/pagerduty", "cut": True, "after": after})

    with pytest.raises(httpx.RemoteProtocolError):
        await send(booth)

    assert len(await incidents(booth)) == taken
