"""The stream token: whose, how long, how often."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_bridge.protocol.stream_token import LIFETIME, StreamTokens, TokenRefused
from tests.realtime_bridge.calls import CALL

OTHER = "CA" + "b" * 32
NOW = 1_800_000_000.0


def why(tokens: StreamTokens, token: str, call_sid: str = CALL, now: float = NOW) -> str:
    """Why it is refused."""
    with pytest.raises(TokenRefused) as refused:
        tokens.take(token, call_sid, now)
    return refused.value.why


class TestAToken:
    def test_is_taken_by_any_bridge_that_knows_the_secret(self) -> None:
        token = StreamTokens("secret").mint(CALL, NOW)

        StreamTokens("secret").take(token, CALL, NOW + 2)

    def test_is_good_for_one_call(self) -> None:
        tokens = StreamTokens("secret")

        assert why(tokens, tokens.mint(CALL, NOW), OTHER) == "forged"

    def test_is_good_once(self) -> None:
        tokens = StreamTokens("secret")
        token = tokens.mint(CALL, NOW)
        tokens.take(token, CALL, NOW)

        assert why(tokens, token, now=NOW + 1) == "replayed"

    def test_is_good_for_a_minute(self) -> None:
        tokens = StreamTokens("secret")
        token = tokens.mint(CALL, NOW)

        assert why(tokens, token, now=NOW + LIFETIME + 1) == "expired"

    def test_that_was_used_is_forgotten_once_it_would_have_expired(self) -> None:
        """A bridge that runs for a year keeps no more nonces than calls of a minute."""
        tokens = StreamTokens("secret")
        for second in range(500):
            tokens.take(tokens.mint(CALL, NOW + second), CALL, NOW + second)

        assert len(tokens._taken) <= LIFETIME + 1

    def test_of_another_secret_is_forged(self) -> None:
        assert why(StreamTokens("secret"), StreamTokens("other").mint(CALL, NOW)) == "forged"

    def test_with_a_longer_life_written_in_is_forged(self) -> None:
        tokens = StreamTokens("secret")
        expires, _, rest = tokens.mint(CALL, NOW).partition(".")

        assert why(tokens, f"{int(expires) + 3600}.{rest}") == "forged"

    def test_that_is_missing_is_told_apart(self) -> None:
        assert why(StreamTokens("secret"), "") == "missing"

    @settings(max_examples=50)
    @given(st.text())
    def test_of_any_other_text_is_refused_and_nothing_else(self, text: str) -> None:
        assert why(StreamTokens("secret"), text) in ("missing", "forged")
