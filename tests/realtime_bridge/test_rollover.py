"""When a session's time is up, in passed-in time."""

from realtime_bridge.protocol.rollover import FORCE_AFTER, ROLL_AFTER, RollOver, Step


class TestASessionOfAnHour:
    def test_is_left_alone_while_it_is_young(self) -> None:
        assert RollOver(100.0).step(100.0 + ROLL_AFTER - 1, quiet=True) is Step.NOTHING

    def test_is_followed_by_another_made_ready_first(self) -> None:
        roll = RollOver(0.0)

        assert [roll.step(ROLL_AFTER, quiet=True), roll.step(ROLL_AFTER + 1, quiet=True)] == [Step.PREPARE, Step.SWAP]

    def test_waits_for_a_quiet_moment(self) -> None:
        roll = RollOver(0.0)
        roll.step(ROLL_AFTER, quiet=False)

        steps = [roll.step(at, quiet=False) for at in (ROLL_AFTER + 1, FORCE_AFTER - 1, FORCE_AFTER)]

        assert steps == [Step.NOTHING, Step.NOTHING, Step.SWAP]

    def test_that_says_itself_when_it_ends_is_replaced_before(self) -> None:
        roll = RollOver(0.0, lasts=1800.0)

        assert (roll.due_at, roll.forced_at) == (1500.0, 1740.0)
