"""Callbacks of a part to the whole that owns it.

The parts of a call tell the call what happened, and the call has its parts: a circle, which reference counting never
frees. The garbage collector would, but it looks through everything a bridge holds once in hundreds of calls (more often
would stop the audio of all of them), and until then calls that ended fill the memory.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar
from weakref import WeakMethod

P = ParamSpec("P")
R = TypeVar("R")


def to_owner(method: Callable[P, R]) -> Callable[P, R]:
    """A bound method, for a part to call, that does not keep its object alive.

    Raises `ReferenceError` when called after its owner is gone: a part never outlives it by intent.
    """
    reference = WeakMethod(method)

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        alive = reference()
        if alive is None:
            raise ReferenceError("a part of a call outlived the call that owns it")
        return alive(*args, **kwargs)

    return call
