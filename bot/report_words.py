"""Entries of a journal in words, for the report's timeline and its list of decisions."""

from collections.abc import Mapping
from typing import Final

from core.journal import Entry, Kind
from core.resolve import ResolvedPlan

_RUN_WORDS: Final[Mapping[Kind, str]] = {
    Kind.DRAFTED: "asked for it",
    Kind.SUBMITTED: "put up for approval",
    Kind.APPROVED: "approved",
    Kind.APPROVAL_REMOVED: "an approval was taken away",
    Kind.VETOED: "vetoed",
    Kind.EXPIRED: "expired",
    Kind.WITHDRAWN: "taken back",
    Kind.REFUSED: "refused",
    Kind.CLAIMED: "approvals spent, target taken",
    Kind.BEGUN: "begun",
    Kind.PROBED: "points of no return looked at",
    Kind.ELECTED: "host chosen",
    Kind.CONFIRMED: "confirmed the step with its phrase",
    Kind.PAUSED: "paused",
    Kind.RESUMED: "resumed",
    Kind.STOPPED: "stopped at the abort point; this step and all later ones are passed over",
    Kind.ASKED: "a person was asked",
    Kind.ABORTED: "aborted; from here undone",
    Kind.UNWOUND: "everything undone",
    Kind.SUCCEEDED: "succeeded",
    Kind.FAILED: "ended where it stood",
}
_UNIT_WORDS: Final[Mapping[Kind, str]] = {
    Kind.STARTED: "started",
    Kind.ACTED: "the command ended well; verifying",
    Kind.DONE: "done and verified",
    Kind.UNIT_FAILED: "failed",
    Kind.LOST: "its end was not seen",
    Kind.NEVER_RAN: "proved never to have run",
    Kind.RECHECK: "looked into again",
    Kind.RETRIED: "may be tried again",
    Kind.SKIPPED: "skipped",
    Kind.SETTLED_DONE: "settled as done",
    Kind.SETTLED_FAILED: "settled as failed",
    Kind.UNDO_STARTED: "undo started",
    Kind.UNDONE: "undone",
    Kind.UNDO_FAILED: "undo failed",
    Kind.UNDO_LOST: "the end of its undo was not seen",
    Kind.UNDO_NEVER_RAN: "its undo proved never to have run",
    Kind.UNDO_RETRIED: "its undo may be tried again",
    Kind.SETTLED_UNDONE: "settled as undone",
}
#: What only a person can do to a run that is under way.
_DECISIONS: Final = frozenset(
    {
        Kind.CONFIRMED,
        Kind.PAUSED,
        Kind.RESUMED,
        Kind.STOPPED,
        Kind.ABORTED,
        Kind.FAILED,
        Kind.RECHECK,
        Kind.RETRIED,
        Kind.SKIPPED,
        Kind.SETTLED_DONE,
        Kind.SETTLED_FAILED,
        Kind.UNDO_RETRIED,
        Kind.SETTLED_UNDONE,
    }
)


def what_happened(entry: Entry, plan: ResolvedPlan) -> str:
    """Return one entry in words, with its unit and its reason. Not made plain yet."""
    reason = str(entry.data.get("reason", ""))
    return _subject(entry, plan) + (f": {reason}" if reason else "")


def decided(entry: Entry) -> str:
    """Return what a person decided, or "" for what Belay did by itself."""
    if entry.kind not in _DECISIONS or not entry.by:
        return ""
    return _words(entry)


def _subject(entry: Entry, plan: ResolvedPlan) -> str:
    text = _words(entry)
    attempt = entry.data.get("attempt", 1)
    if entry.kind is Kind.STARTED and attempt != 1:
        text += f", attempt {attempt}"
    if entry.kind is Kind.ELECTED:
        text += f": {entry.data.get('host', '')}"
    step = str(entry.data.get("step", ""))
    if step and not entry.unit:
        titles = {each.id: each.title for each in plan.steps}
        text += f" ({titles.get(step, step)})"
    return text


def _words(entry: Entry) -> str:
    if entry.unit:
        return f"{entry.unit} – {_UNIT_WORDS.get(entry.kind, entry.kind)}"
    return _RUN_WORDS.get(entry.kind, entry.kind)
