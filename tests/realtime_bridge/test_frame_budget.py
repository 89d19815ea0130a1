"""What a socket may send: Twilio's pace and its bursts, and not a flood."""

from realtime_bridge.protocol.frame_budget import BURST, FrameBudget

FRAME = 300


class Socket:
    """A budget, and the time at which a frame comes."""

    def __init__(self) -> None:
        self.now = 0.0
        self.budget = FrameBudget(lambda: self.now)

    def take(self, size: int, now: float) -> bool:
        self.now = now
        return self.budget.take(size)


class TestTheBudget:
    def test_is_enough_for_an_hour_of_twilios_frames_and_marks(self) -> None:
        budget = Socket()

        assert all(budget.take(FRAME, frame / 60) for frame in range(60 * 3600))

    def test_is_enough_for_what_was_held_up_for_eight_seconds(self) -> None:
        """400 frames in one moment, then the pace goes on."""
        budget = Socket()
        burst = all(budget.take(FRAME, 20.0) for _ in range(400))

        assert burst
        assert all(budget.take(FRAME, 20.0 + frame / 50) for frame in range(3000))

    def test_is_not_enough_for_a_flood(self) -> None:
        budget = Socket()
        taken = [budget.take(FRAME, frame / 20_000) for frame in range(4000)]

        assert BURST <= sum(taken) <= BURST * 1.1

    def test_a_large_frame_counts_as_many(self) -> None:
        budget = Socket()
        taken = [budget.take(60_000, 0.0) for _ in range(100)]

        assert sum(taken) < 10

    def test_once_exhausted_stays_so(self) -> None:
        budget = Socket()
        while budget.take(FRAME, 0.0):
            pass

        assert not budget.take(FRAME, 3600.0)
