"""What is known of the reps of one handoff: who said what, whose leg is where, who is with the caller."""

from firstline.domain.handoff import RepAnswer


class Reps:
    """Reps by number, their legs by CallSid. Messages come in any order and more than once."""

    def __init__(self) -> None:
        self._answers: dict[str, RepAnswer] = {}
        self._legs: dict[str, str] = {}
        """CallSid of a leg -> the rep; a leg is missing when the answer to its dialling was lost."""
        self._let_go: list[str] = []
        """Reps who do not get the call: an answer of theirs comes too late."""
        self._lost: list[str] = []
        """Reps whose leg ended after they had accepted and before they had joined."""
        self._joined: list[str] = []
        """Legs that came into the conference, in their order."""
        self._over: list[str] = []
        """Legs that have ended: a join of theirs is old news."""

    def answered(self, rep: str, answer: RepAnswer) -> bool:
        """Whether this changes anything. The first answer counts, but a no after a yes is the end of the leg."""
        if rep in self._let_go:
            return False
        if rep not in self._answers:
            self._answers[rep] = answer
            return True
        ended = self._answers[rep] is RepAnswer.ACCEPTED and answer is not RepAnswer.ACCEPTED
        if ended and self.with_caller != rep:
            self._lost.append(rep)
            self._over += [leg for leg, of in self._legs.items() if of == rep]
            return True
        # Whoever was with the caller has had the conversation.
        return False

    def rung(self, rep: str, leg: str) -> None:
        """The carrier dialled them; they may have accepted and be gone before that is known."""
        self._legs[leg] = rep
        if rep in self._lost:
            self._over.append(leg)

    def joined(self, leg: str) -> None:
        """A leg came into the caller's conference."""
        self._joined.append(leg)

    def let_go(self, rep: str) -> None:
        """They do not get the call."""
        self._let_go.append(rep)

    def ended(self, leg: str) -> None:
        """We have ended a leg."""
        self._over.append(leg)

    def has_answered(self, rep: str) -> bool:
        """Whether they said anything yet."""
        return rep in self._answers

    def is_lost(self, rep: str) -> bool:
        """Whether their leg ended between the yes and the join."""
        return rep in self._lost

    def answer(self, rep: str) -> str:
        """What they did, in words; a rep who did nothing did not answer."""
        return self._answers.get(rep, RepAnswer.NO_ANSWER).value.replace("_", " ")

    def live_leg(self, rep: str) -> str | None:
        """CallSid of their leg, unless it is unknown or has ended."""
        return next((leg for leg, of in self._legs.items() if of == rep and leg not in self._over), None)

    @property
    def accepted(self) -> str | None:
        """Who is with the caller, or else the first who said yes and was not let go."""
        return self.with_caller or next((rep for rep in self._said_yes if rep not in self._let_go), None)

    @property
    def with_caller(self) -> str | None:
        """Who came, and has not gone. A leg that nobody knows is that of whoever said yes without a known one."""
        unseen = next((rep for rep in self._said_yes if rep not in self._legs.values()), None)
        came = (self._legs.get(leg, unseen) for leg in self._joined if leg not in self._over)
        return next((rep for rep in came if rep is not None), None)

    @property
    def _said_yes(self) -> list[str]:
        return [rep for rep, answer in self._answers.items() if answer is RepAnswer.ACCEPTED]
