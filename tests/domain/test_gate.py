"""What the bridge itself may ask a person for, past the model."""

from firstline.domain.gate import Evidence, HandoffReason, RuntimeCause, decide_handoff


class TestWhatTheRuntimeKnows:
    def test_dead_air_opens_the_gate_without_a_look_up(self) -> None:
        decision = decide_handoff(Evidence("How?", None, cause=RuntimeCause.DEAD_AIR))

        assert (decision.allowed, decision.reason) == (True, HandoffReason.DEAD_AIR)

    def test_a_key_is_the_callers_request(self) -> None:
        decision = decide_handoff(Evidence("", 0.95, cause=RuntimeCause.PRESSED_ZERO))

        assert (decision.allowed, decision.reason) == (True, HandoffReason.CALLER_REQUEST)

    def test_dead_air_that_the_model_claims_opens_nothing(self) -> None:
        assert not decide_handoff(Evidence("How?", 0.95, HandoffReason.DEAD_AIR, 0.1)).allowed
