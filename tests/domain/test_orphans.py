"""What exists in one place only."""

from firstline.domain.orphans import LiveCall, Orphans, find_orphans

LINE, REP, CALLER = "+15550100100", "+15550100201", "+15550100999"


def inbound(sid: str) -> LiveCall:
    return LiveCall(sid, LINE, CALLER, talking=True)


class TestOrphans:
    def test_are_none_when_both_places_agree(self) -> None:
        assert not find_orphans([inbound("CA1")], ["CA1"], [REP])

    def test_are_calls_without_a_workflow_and_workflows_without_a_call(self) -> None:
        assert find_orphans([inbound("CA1")], ["CA2"], [REP]) == Orphans(["CA1"], ["CA2"])

    def test_are_not_the_legs_of_reps(self) -> None:
        assert not find_orphans([LiveCall("CA3", REP, LINE, talking=True)], [], [REP])

    def test_are_not_callbacks_that_nobody_has_picked_up_yet(self) -> None:
        ringing = LiveCall("CA4", CALLER, LINE, talking=False)

        assert not find_orphans([ringing], [], [REP])
        assert find_orphans([LiveCall("CA4", CALLER, LINE, talking=True)], [], [REP]) == Orphans(["CA4"], [])

    def test_are_only_what_was_one_at_both_looks(self) -> None:
        assert Orphans(["CA1", "CA2"], ["CA5"]).also_in(Orphans(["CA2", "CA3"], ["CA4"])) == Orphans(["CA2"], [])
