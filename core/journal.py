"""
The journal: what happened in a run, in order, once. The truth of a run is its journal and nothing else.

It is an intent log: "started" is written before acting. Met after a crash it means "the outcome is unknown".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

#: Raised by one whenever an entry gets a meaning that older code would misread. A newer one is refused.
VERSION = 2


class Kind(StrEnum):
    # the run as a whole
    DRAFTED = "drafted"
    SUBMITTED = "submitted"  #: people are asked to approve
    APPROVED = "approved"
    APPROVAL_REMOVED = "approval_removed"
    VETOED = "vetoed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"
    CLAIMED = "claimed"  #: the approvals are spent; from here the run is under way
    BEGUN = "begun"  #: somebody drives it
    PROBED = "probed"  #: points of no return looked at; data: findings, step
    ELECTED = "elected"  #: the host of a step that runs on one; data: step, host
    CONFIRMED = "confirmed"  #: a person typed a step's phrase; data: step
    PAUSED = "paused"
    RESUMED = "resumed"
    STOPPED = "stopped"  #: a person stops at an abort point: this step and all later ones are passed over; data: step
    ASKED = "asked"  #: a person has to decide; data: reason, units, choices
    ABORTED = "aborted"  #: from here the run unwinds
    UNWOUND = "unwound"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    # one unit
    STARTED = "started"  #: written before acting; data: attempt
    ACTED = "acted"  #: the command ended well; what is left is to verify; data: exit_code
    DONE = "done"
    UNIT_FAILED = "unit_failed"  #: data: reason; began=False: with proof that nothing was started
    LOST = "lost"  #: its end was not seen; data: reason
    NEVER_RAN = "never_ran"  #: with proof
    RECHECK = "recheck"  #: an unknown one is looked into again
    RETRIED = "retried"  #: another attempt may run
    SKIPPED = "skipped"
    SETTLED_DONE = "settled_done"  #: a person says how an unknown one ended
    SETTLED_FAILED = "settled_failed"
    UNDO_STARTED = "undo_started"
    UNDONE = "undone"
    UNDO_FAILED = "undo_failed"
    UNDO_LOST = "undo_lost"
    UNDO_NEVER_RAN = "undo_never_ran"
    UNDO_RETRIED = "undo_retried"
    SETTLED_UNDONE = "settled_undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal. `seq` counts from 1 without gaps."""

    seq: int
    kind: Kind
    at: datetime
    unit: str = ""  #: the unit's key, for a unit's entries
    by: str = ""  #: id of the person, "" for Belay itself
    data: Mapping[str, Any] = field(default_factory=dict)
    version: int = VERSION
