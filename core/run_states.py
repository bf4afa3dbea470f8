"""
The states of a run and every legal change between them. Rule: they all live in this file.

    drafted → waiting → claimed → running ⇄ paused, needs_person → succeeded | failed | unwinding → unwound | stuck
    and from waiting: vetoed, expired, withdrawn, refused
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from core.errors import TransitionError
from core.journal import Kind


class RunStatus(StrEnum):
    DRAFTED = "drafted"
    WAITING = "waiting"  #: for its quorum
    CLAIMED = "claimed"  #: approvals spent, nothing started yet
    RUNNING = "running"
    PAUSED = "paused"  #: what runs goes on, nothing new starts
    NEEDS_PERSON = "needs_person"
    UNWINDING = "unwinding"  #: undoing what was done
    STUCK = "stuck"  #: an undo failed; a person has to settle it
    SUCCEEDED = "succeeded"
    FAILED = "failed"  #: a person ended it where it stood
    UNWOUND = "unwound"
    VETOED = "vetoed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"

    @property
    def ended(self) -> bool:
        return self in _ENDED

    @property
    def driven(self) -> bool:
        """True while somebody has to drive the run: steps may be running on hosts."""
        return self in _DRIVEN


_S, _K = RunStatus, Kind
_ENDED: Final = frozenset({_S.SUCCEEDED, _S.FAILED, _S.UNWOUND, _S.VETOED, _S.EXPIRED, _S.WITHDRAWN, _S.REFUSED})
_DRIVEN: Final = frozenset({_S.CLAIMED, _S.RUNNING, _S.PAUSED, _S.NEEDS_PERSON, _S.UNWINDING, _S.STUCK})

NEXT: Final[Mapping[tuple[RunStatus, Kind], RunStatus]] = {
    (_S.DRAFTED, _K.PROBED): _S.DRAFTED,
    (_S.DRAFTED, _K.SUBMITTED): _S.WAITING,
    (_S.DRAFTED, _K.REFUSED): _S.REFUSED,
    (_S.WAITING, _K.APPROVED): _S.WAITING,
    (_S.WAITING, _K.APPROVAL_REMOVED): _S.WAITING,
    (_S.WAITING, _K.PROBED): _S.WAITING,
    (_S.WAITING, _K.VETOED): _S.VETOED,
    (_S.WAITING, _K.EXPIRED): _S.EXPIRED,
    (_S.WAITING, _K.WITHDRAWN): _S.WITHDRAWN,
    (_S.WAITING, _K.REFUSED): _S.REFUSED,
    (_S.WAITING, _K.CLAIMED): _S.CLAIMED,
    (_S.CLAIMED, _K.BEGUN): _S.RUNNING,
    (_S.CLAIMED, _K.REFUSED): _S.REFUSED,
    (_S.RUNNING, _K.PROBED): _S.RUNNING,
    (_S.RUNNING, _K.ELECTED): _S.RUNNING,
    (_S.RUNNING, _K.PAUSED): _S.PAUSED,
    (_S.RUNNING, _K.ASKED): _S.NEEDS_PERSON,
    (_S.RUNNING, _K.ABORTED): _S.UNWINDING,
    (_S.RUNNING, _K.SUCCEEDED): _S.SUCCEEDED,
    (_S.PAUSED, _K.RESUMED): _S.RUNNING,
    (_S.PAUSED, _K.ABORTED): _S.UNWINDING,
    (_S.PAUSED, _K.FAILED): _S.FAILED,
    (_S.NEEDS_PERSON, _K.RESUMED): _S.RUNNING,
    (_S.NEEDS_PERSON, _K.CONFIRMED): _S.RUNNING,
    (_S.NEEDS_PERSON, _K.STOPPED): _S.RUNNING,
    (_S.NEEDS_PERSON, _K.ABORTED): _S.UNWINDING,
    (_S.NEEDS_PERSON, _K.FAILED): _S.FAILED,
    (_S.UNWINDING, _K.ASKED): _S.STUCK,
    (_S.UNWINDING, _K.UNWOUND): _S.UNWOUND,
    (_S.STUCK, _K.RESUMED): _S.UNWINDING,
    (_S.STUCK, _K.FAILED): _S.FAILED,
}

#: Entries about the run as a whole; every other kind is about one unit.
RUN_KINDS: Final = frozenset(kind for _, kind in NEXT) | {Kind.DRAFTED}


def after(status: RunStatus, kind: Kind) -> RunStatus:
    """
    Return the status that follows.

    Raises:
        TransitionError: *kind* cannot happen now.
    """
    try:
        return NEXT[status, kind]
    except KeyError:
        raise TransitionError("the run", status, kind) from None
