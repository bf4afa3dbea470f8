"""
The states of a unit and every legal change between them. Rule: they all live in this file.

`running` met after a restart means: started, end not seen. It is never taken for "failed" and never started again
before the host was asked. Nothing leads from `unknown` to another attempt but a proof that it never ran, or a person
who looked and says it failed.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from core.errors import TransitionError
from core.journal import Kind


class UnitStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"  #: started, end not seen; waits for the host, a probe or a person
    SKIPPED = "skipped"
    UNDOING = "undoing"
    UNDONE = "undone"
    STUCK = "stuck"  #: its undo failed or its end was not seen; a person has to look


_S, _K = UnitStatus, Kind
NEXT: Final[Mapping[tuple[UnitStatus, Kind], UnitStatus]] = {
    (_S.PENDING, _K.STARTED): _S.RUNNING,
    (_S.PENDING, _K.SKIPPED): _S.SKIPPED,
    (_S.RUNNING, _K.ACTED): _S.RUNNING,
    (_S.RUNNING, _K.DONE): _S.DONE,
    (_S.RUNNING, _K.UNIT_FAILED): _S.FAILED,
    (_S.RUNNING, _K.LOST): _S.UNKNOWN,
    (_S.RUNNING, _K.NEVER_RAN): _S.PENDING,
    (_S.UNKNOWN, _K.RECHECK): _S.RUNNING,
    (_S.UNKNOWN, _K.DONE): _S.DONE,
    (_S.UNKNOWN, _K.NEVER_RAN): _S.PENDING,
    (_S.UNKNOWN, _K.SETTLED_DONE): _S.DONE,
    (_S.UNKNOWN, _K.SETTLED_FAILED): _S.FAILED,
    (_S.FAILED, _K.RETRIED): _S.PENDING,
    (_S.FAILED, _K.SKIPPED): _S.SKIPPED,
    (_S.FAILED, _K.SETTLED_DONE): _S.DONE,
    (_S.PENDING, _K.UNDO_STARTED): _S.UNDOING,  # an earlier attempt ran, and another one was granted
    (_S.FAILED, _K.UNDO_STARTED): _S.UNDOING,
    (_S.DONE, _K.UNDO_STARTED): _S.UNDOING,
    (_S.SKIPPED, _K.UNDO_STARTED): _S.UNDOING,
    (_S.UNDOING, _K.UNDONE): _S.UNDONE,
    (_S.UNDOING, _K.UNDO_FAILED): _S.STUCK,
    (_S.UNDOING, _K.UNDO_LOST): _S.STUCK,
    (_S.UNDOING, _K.UNDO_NEVER_RAN): _S.FAILED,
    (_S.STUCK, _K.UNDO_RETRIED): _S.FAILED,
    (_S.STUCK, _K.SETTLED_UNDONE): _S.UNDONE,
}


def after(unit: str, status: UnitStatus, kind: Kind) -> UnitStatus:
    """
    Return the status that follows.

    Raises:
        TransitionError: *kind* cannot happen to *unit* now.
    """
    try:
        return NEXT[status, kind]
    except KeyError:
        raise TransitionError(unit, status, kind) from None
