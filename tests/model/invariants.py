"""
What has to hold, whatever happens: looked at after each commit and at each start on a host, in the very moment.

It is judged by what stands in the database (`Eye`), by the hosts' own record (`ModelHosts`) and by what really stood in
the chat, with none of the code that decided. A check returns what is wrong, in words that begin with its name.
"""

from collections.abc import Callable, Iterator

from core.action import Ended, Verb
from core.run_states import RunStatus
from tests.model.chat import NO_ENTRY, Chat
from tests.model.eye import Eye, Line, RunRow
from tests.model.hosts import ModelHosts, Start
from tests.model.people import OWNER, TEAM, who_counts
from tests.model.reach import Caller

NEEDED = 2
#: The step that must not begin past the point of no return, and how old the look before it may be.
GUARDED = "restore"
TTL_S = 120.0
IDEMPOTENT = "start"
#: A person looked at the host and said so, or granted another attempt.
PERSONS = frozenset({"retried", "settled_failed", "settled_done", "undo_retried", "settled_undone", "recheck"})
PROOFS = frozenset({"never_ran", "undo_never_ran"})
#: What only the driver of a run writes, if no person did.
DRIVERS = frozenset({"begun", "elected", "asked", "succeeded", "unwound", "started", "acted", "done", "unit_failed"})
DRIVERS_TOO = frozenset({"lost", "never_ran", "recheck", "undo_started", "undone", "undo_failed", "undo_lost"})

#: replica, run -> the epoch under which it drives the run; None: it does not.
EpochOf = Callable[[str, str], int | None]


def driven(status: str) -> bool:
    return RunStatus(status).driven


class Invariants:
    def __init__(self, eye: Eye, hosts: ModelHosts, chat: Chat, epoch_of: EpochOf) -> None:
        self._eye = eye
        self._hosts = hosts
        self._chat = chat
        self._epoch_of = epoch_of

    # -- after each commit -------------------------------------------------------------------------------------

    def committed(self, by: Caller) -> Iterator[str]:
        new = self._eye.look()
        yield from self._one_run_at_a_time()
        yield from self._claims_are_spent_once()
        for line in new:
            yield from self._written_by_its_driver(line, by)
            if line.kind == "claimed":
                yield from self._claimed(line, by)
            if line.kind == "begun" and self._eye.checkpoint_at is not None:
                yield f"point of no return: {line.run_id} begun after a checkpoint said that it was crossed"
            if line.kind == "started":
                yield from self._started(line)

    def _one_run_at_a_time(self) -> Iterator[str]:
        under_way = [run.id for run in self._eye.runs.values() if driven(run.status)]
        if len(under_way) > 1:
            yield f"two at once: {', '.join(under_way)} are under way on one target"

    def _claims_are_spent_once(self) -> Iterator[str]:
        spent = [run_id for (run_id,) in self._eye.ask("SELECT run_id FROM claim")]
        claimed = [line.run_id for line in self._eye.lines if line.kind == "claimed"]
        if sorted(spent) != sorted(claimed):
            yield f"claim: spent are the approvals of {spent}, claimed were {claimed}"
        if len(set(claimed)) != len(claimed):
            yield f"claim: {claimed} were claimed, one of them twice"

    def _written_by_its_driver(self, line: Line, by: Caller) -> Iterator[str]:
        if line.who or line.kind not in DRIVERS | DRIVERS_TOO:
            return
        mine, now = self._epoch_of(by.replica, line.run_id), self._eye.runs[line.run_id].epoch
        if mine != now:
            yield f"fence: {by.replica} wrote {line.kind} {line.unit} under epoch {mine}; {line.run_id} has {now}"

    # -- approvals ---------------------------------------------------------------------------------------------

    def _claimed(self, line: Line, by: Caller) -> Iterator[str]:
        run, look = self._eye.runs[line.run_id], self._hosts.looked.get(line.run_id)
        approvals = self._standing(line)
        people = {who_counts(approval.data["account"], run.requester) for approval in approvals} - {""}
        if len(people) < NEEDED:
            yield f"quorum: {run.id} of {run.requester} was claimed with {sorted(people)}"
        if line.at >= run.expires_at:
            yield f"quorum: {run.id} was claimed after it had expired"
        if look is None or look.moment < sorted(a.moment for a in approvals)[min(len(approvals), NEEDED) - 1]:
            yield f"point of no return: {run.id} was claimed without a look after people had agreed"
        yield from self._past(line, "was claimed")
        if self._eye.checkpoint_at is not None and self._eye.checkpoint_at < line.moment:
            yield f"point of no return: {run.id} was claimed after a checkpoint said that it was crossed"
        yield from self._chat_agrees(run, approvals, set(line.data["people"]), by.board)

    def _standing(self, claimed: Line) -> list[Line]:
        standing: dict[str, Line] = {}
        for line in self._eye.of(claimed.run_id):
            if line.kind == "approved":
                standing[line.data["person"]] = line
            if line.kind == "approval_removed":
                standing.pop(line.data["person"], None)
        return list(standing.values())

    def _chat_agrees(
        self, run: RunRow, approvals: list[Line], spent: set[str], seen: frozenset[tuple[str, str]]
    ) -> Iterator[str]:
        """What was read off the board at the claim: each "yes" that was spent stood there, and no veto."""
        users = {user for user, name in seen if name != NO_ENTRY}
        for approval in approvals:
            user = approval.data["account"].removeprefix(f"{TEAM}/")
            if approval.data["way"] == "reaction" and approval.data["person"] in spent and user not in users:
                yield f"quorum: {run.id} was claimed with a reaction of {user} that had been taken away"
        vetoes = [user for user, name in seen if name == NO_ENTRY and user in OWNER]
        if vetoes:
            yield f"quorum: {run.id} was claimed with a veto of {vetoes} on its board"

    # -- points of no return -----------------------------------------------------------------------------------

    def _past(self, line: Line, what: str) -> Iterator[str]:
        look, eye = self._hosts.looked.get(line.run_id), self._eye
        if look is None:
            yield f"point of no return: {line.run_id} {line.unit} {what}, and nobody ever looked"
            return
        if self._hosts.crossed_at is not None and self._hosts.crossed_at < look.moment:
            yield f"point of no return: {line.run_id} {line.unit} {what} although the look had found it crossed"
        if eye.checkpoint_at is not None and eye.checkpoint_at < look.ledger_moment:
            yield f"point of no return: {line.run_id} {line.unit} {what} although a checkpoint stood in the ledger"

    def _started(self, line: Line) -> Iterator[str]:
        before = [each for each in self._eye.of(line.run_id) if each.seq < line.seq]
        yield from self._started_again(line, before)
        destroyed = any(each.kind == "started" and each.step == GUARDED for each in before)
        look = self._hosts.looked.get(line.run_id)
        if line.step == GUARDED:
            yield from self._past(line, "started")
            earlier = [each for each in before if each.kind != "started"]
            if earlier[-1].kind != "probed" or earlier[-1].data["step"] != GUARDED:
                yield f"point of no return: {line.run_id} {line.unit} started after {earlier[-1].kind}, not a look"
            elif look is None or look.moment < earlier[-2].moment:
                yield f"point of no return: {line.run_id} {line.unit} started on an old look"
        elif not destroyed and (resumed := [each for each in before if each.kind == "resumed"]):
            yield from self._past(line, "started after a resume")
            if look is None or look.moment < resumed[-1].moment:
                yield f"point of no return: {line.run_id} {line.unit} started after a resume, and nobody looked again"

    # -- once --------------------------------------------------------------------------------------------------

    def _started_again(self, line: Line, before: list[Line]) -> Iterator[str]:
        """Of the attempt before: it has ended, and did not take effect, or may be done again, or a person said so."""
        mine = [each for each in before if each.unit == line.unit]
        attempt = int(line.data["attempt"])
        earlier = [s for s in self._hosts.starts if self._is(s, line, Verb.DO) and s.action.attempt < attempt]
        since = {each.kind for each in mine[_last(mine, "started") :]} if attempt > 1 else set()
        for start in earlier:
            if start.ended_at is None:
                yield f"again: {line.unit} attempt {attempt} started while {start} runs"
            succeeded = isinstance(start.verdict, Ended) and start.verdict.exit_code == 0
            said = any(each.kind in PERSONS and each.who for each in mine)
            if succeeded and line.step != IDEMPOTENT and not said:
                yield f"again: {line.unit} attempt {attempt} started although {start} had done it"
            if start.action.attempt == attempt - 1 and since & PROOFS:
                yield f"again: {line.unit} was said never to have run, and {start} had"
        if attempt > 1 and not since & (PROOFS | {"unit_failed", "settled_failed"}):
            yield f"again: {line.unit} attempt {attempt} started after {sorted(since)}"

    def _is(self, start: Start, line: Line, verb: Verb) -> bool:
        return (start.action.run_id, start.action.unit, start.action.verb) == (line.run_id, line.unit, verb)

    # -- at each call to a host, and at each start there -------------------------------------------------------

    def called(self, run_id: str, unit: str, by: Caller) -> Iterator[str]:
        """A driver that has looked at the database since it was replaced knows that it was."""
        mine, now = self._epoch_of(by.replica, run_id), self._eye.runs[run_id].epoch
        if mine != now and self._eye.raised_at.get(run_id, 0) < by.read_at:
            yield f"fence: {by.replica} acted on {unit} under epoch {mine}; {run_id} has {now}"

    def began(self, start: Start) -> Iterator[str]:
        run_id, unit, verb = start.action.run_id, start.action.unit, start.action.verb
        if _step(start) == GUARDED and verb is Verb.DO:
            look = self._hosts.looked.get(run_id)
            if look is None or start.by.read_s - look.at_s > TTL_S:
                yield f"point of no return: {start} began on a look that had expired"
        kind = "started" if verb is Verb.DO else "undo_started"
        mine = self._eye.of(run_id, unit)
        meant = sum(line.kind == kind for line in mine)
        if start.action.attempt > meant:
            yield f"intent: {start} began and stands in no journal"
        elif start.action.attempt < meant or mine[-1].kind not in (kind, "lost", "undo_lost", "recheck"):
            yield f"late: {start} began when the journal had said '{mine[-1].kind}' of it"
        if not any(line.kind == "claimed" for line in self._eye.of(run_id)):
            yield f"quorum: {start} began, and nobody had claimed it"
        for other in self._hosts.running():
            if (other.action.run_id, other.action.verb) != (run_id, verb) or _step(other) != _step(start):
                yield f"two at once: {start} began while {other} ran"
        if any(other.key == start.key for other in self._hosts.starts):
            yield f"again: {start} began twice"


def _step(start: Start) -> str:
    return start.action.unit.partition("@")[0]


def _last(lines: list[Line], kind: str) -> int:
    return max(index for index, line in enumerate(lines) if line.kind == kind)
