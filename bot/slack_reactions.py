"""
Reactions on boards as approvals and vetoes.

An event is a signal that something changed; which reactions stand on the board is asked of Slack before an approval
is taken away, and again at the claim.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from bot.slack_accounts import APPROVE, VETO, Mark, SlackAccounts, SlackAwayError, kind_of
from bot.slack_answers import Answers, Place, or_explain
from bot.slack_missed import may_pass
from bot.slack_people import People
from core.errors import BelayError, RefusedError
from core.ports import Service
from core.run import RunView
from core.run_states import RunStatus
from store.database import Store

log = logging.getLogger(__name__)

WAY = "reaction"


class Reactions:
    def __init__(
        self,
        *,
        service: Service,
        store: Store,
        people: People,
        answers: Answers,
        bot_user: str,
        later: Callable[[str], None],
    ) -> None:
        self._service = service
        self._store = store
        self._people = people
        self._accounts: SlackAccounts = people.accounts
        self._answers = answers
        self._bot_user = bot_user
        self._later = later  #: called with a run whose board has to be read again

    async def on_event(self, event: Mapping[str, Any]) -> None:
        item = event.get("item") or {}
        kind, user = kind_of(str(event.get("reaction", ""))), str(event.get("user", ""))
        if item.get("type") != "message" or not kind or user == self._bot_user:
            return
        channel, ts = str(item.get("channel", "")), str(item.get("ts", ""))
        async with self._store.look() as tx:
            run_id = await tx.run_of_message(channel, ts)
        if run_id is None:
            log.debug("a reaction on a message that is no board: %s %s", channel, ts)
            return
        place = Place(user=user, channel=channel)

        async def explain(text: str) -> None:
            await self._explain(text, run_id, place)

        doing = self._apply_or_later(run_id, Mark(user, kind), str(event.get("type")), channel, ts)
        await or_explain(doing, f"{run_id}: reaction of {user}", explain)

    async def _apply_or_later(self, run_id: str, mark: Mark, event: str, channel: str, ts: str) -> None:
        """The reaction stands on the board: where Slack or the database is away, it is read there afterwards."""
        try:
            await self._apply(run_id, mark, event, channel, ts)
        except BelayError as error:
            if may_pass(error):
                self._later(run_id)
            raise

    async def _apply(self, run_id: str, mark: Mark, event: str, channel: str, ts: str) -> None:
        if event == "reaction_added" and mark.kind == APPROVE:
            await self._service.approve(run_id, await self._people.actor(mark.user, WAY))
        elif event == "reaction_added":
            await self._service.deny(run_id, await self._people.actor(mark.user, WAY))
        elif mark.kind == APPROVE and mark not in await self._accounts.marks(channel, ts):
            # One that stands under another name or skin tone still agrees.
            await self._service.remove_approval(run_id, await self._people.actor(mark.user, WAY))

    async def _explain(self, text: str, run_id: str, place: Place) -> None:
        """Say why it does not count; to people only, and not about a run that is over anyway."""
        account = await self._accounts.account(place.user)
        if account.bot or await self._over(run_id):
            return
        await self._answers.tell(place, text)

    async def _over(self, run_id: str) -> bool:
        try:
            return (await self._service.run(run_id)).state.status.ended
        except BelayError:
            return False

    async def reconcile(self, run_id: str, *, additions: bool = False) -> None:
        """
        Bring what is recorded in line with the reactions that stand on the board now.

        At the claim approvals are only taken away and vetoes added: a quorum is there already. With `additions`
        (at a start) those that were missed count too.

        Raises:
            RefusedError: Slack did not say which reactions stand, and approvals given there depend on it.
        """
        async with self._store.look() as tx:
            board = await tx.board(run_id)
        view = await self._service.run(run_id)
        if (
            view.state.status is not RunStatus.WAITING
            or board is None
            or not board.ts
            or not self._ours(view, additions)
        ):
            return
        try:
            marks = await self._accounts.marks(board.channel, board.ts)
        except SlackAwayError as error:
            raise RefusedError(f"{error}; {run_id} waits until Slack answers, and is then judged again") from error
        await self._take_away(view, marks)
        await self._add(view, marks, additions=additions)

    def _ours(self, view: RunView, additions: bool) -> bool:
        """Whether Slack has a say: where every approval came by another way, its absence stops nothing."""
        team = self._accounts.id_of("")
        return additions or any(approval.account.startswith(team) for approval in view.state.approvals)

    async def _take_away(self, view: RunView, marks: frozenset[Mark]) -> None:
        standing = {self._accounts.id_of(mark.user) for mark in marks if mark.kind == APPROVE}
        for approval in view.state.approvals:
            if approval.way == WAY and approval.account not in standing:
                user = approval.account.partition("/")[2]
                await self._quietly(view.run.id, Mark(user, APPROVE), added=False)

    async def _add(self, view: RunView, marks: frozenset[Mark], *, additions: bool) -> None:
        known = {approval.account for approval in view.state.approvals}
        for mark in sorted(marks, key=lambda mark: (mark.kind != VETO, mark.user)):
            missed = mark.kind == VETO or (additions and self._accounts.id_of(mark.user) not in known)
            if missed and mark.user != self._bot_user:
                await self._quietly(view.run.id, mark, added=True)

    async def _quietly(self, run_id: str, mark: Mark, *, added: bool) -> None:
        """Nobody waits for an answer here: whoever does not count was told when they reacted."""
        try:
            actor = await self._people.actor(mark.user, WAY)
            if not added:
                await self._service.remove_approval(run_id, actor)
            elif mark.kind == VETO:
                await self._service.deny(run_id, actor)
            else:
                await self._service.approve(run_id, actor)
        except RefusedError as refusal:
            log.info("%s: %s of %s at the board does not count: %s", run_id, mark.kind, mark.user, refusal)
