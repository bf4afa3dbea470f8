"""
Messages under the boards: each of the outbox once, in order, at most one a second in a channel.

"Sending" is written before posting. Met again it means that the message may have been posted: the thread is looked
through for it first, where the app may read it (`channels:history`, optional). Where it may not, it is posted again:
a message twice is better than a failure nobody heard of.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import views
from bot.slack_accounts import NETWORK_ERRORS, error_code, is_away, why
from bot.slack_edits import retry_after_s
from bot.slack_missed import may_pass
from bot.slack_rounds import Rounds
from bot.slack_whole import whole
from core.ports import Clock, Service
from store.database import Store
from store.records import Board, KeptOutput, Outgoing

log = logging.getLogger(__name__)

#: Seconds between two messages in one channel.
GAP_S = 1.0
#: Seconds until the outbox is looked at though nobody rang.
TICK_S = 5.0
#: Tried this often before a message that Slack refuses is given up.
MOST_REFUSALS = 3
#: Posting will never work again.
_HOPELESS = ("channel_not_found", "is_archived", "cannot_reply_to_message", "message_not_found", "thread_not_found")


@dataclass(slots=True)
class Posts:
    client: AsyncWebClient
    store: Store
    service: Service
    clock: Clock
    team_id: str
    tick_s: float = TICK_S
    gap_s: float = GAP_S
    rounds: Rounds = field(default_factory=lambda: Rounds("messages"))
    waiting: int = 0  #: messages not sent yet, at the last look
    trouble: str = ""  #: what Slack said to the last one
    _free_at: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _failures: dict[str, int] = field(default_factory=lambda: defaultdict(int))  #: in a row, by channel

    async def run(self) -> None:
        """Work until told to end."""
        await self.rounds.run(self._round, tick_s=self.tick_s)

    async def _round(self) -> float:
        """Send what may go out now; the seconds until there may be more to do."""
        async with self.store.look() as tx:
            waiting = await tx.waiting()
        self.waiting = sum(channel.count for channel in waiting)
        waits = [self.tick_s]
        for channel in waiting:
            if channel.first is None:
                continue  # its board comes first, and rings
            if time.monotonic() >= self._free_at[channel.channel]:
                await self._next(channel.first)
            waits.append(self._free_at[channel.channel] - time.monotonic())
        return max(0.02, min(waits))

    async def _next(self, number: int) -> None:
        """Send the first message of a channel: the others of it come after, in order."""
        async with self.store.look() as tx:
            message = await tx.numbered(number)
            board = await tx.board(message.run_id)
        if board is None or not board.channel:
            await self._give_up(message, "the run has no board")
        else:
            await whole(self._one(message, board))

    async def _one(self, message: Outgoing, board: Board) -> None:
        looking = message.sending_at is not None
        try:
            ref = await self._found(message, board) if looking else None
            looking = False
            if ref is None:
                await self._sending(message)
                ref = await self._post(message, board)
        except NETWORK_ERRORS as error:
            if isinstance(error, SlackApiError) and not is_away(error) and not looking:
                await self._refused(message, board, error)
                return
            # Whether it was posted is not known; it stays "sending" and is looked for before it is sent again.
            self._failures[board.channel] += 1
            rest_s = min(30.0, 0.5 * 2 ** self._failures[board.channel])
            self.trouble = why(error)
            log.warning("%s waits for Slack (%s); tried again in %g s", message.key, self.trouble, rest_s)
            self._free_at[board.channel] = time.monotonic() + rest_s
            return
        async with self.store.begin() as tx:
            await tx.sent(message.key, ref, self.clock.now())
        self.trouble, self._failures[board.channel] = "", 0
        self._free_at[board.channel] = time.monotonic() + self.gap_s

    async def _sending(self, message: Outgoing) -> None:
        async with self.store.begin() as tx:
            await tx.sending(message.key, self.clock.now())

    async def _post(self, message: Outgoing, board: Board) -> Mapping[str, Any]:
        if message.kind == "file":
            return await self._upload(message, board)
        view = await self.service.run(message.run_id)
        outputs = await self._printed(message)
        shown = views.render(message.payload, view, outputs, self.team_id, self.clock.now())
        answer = await self.client.chat_postMessage(
            channel=board.channel,
            thread_ts=board.ts,
            text=shown.text,
            blocks=shown.blocks,
            reply_broadcast=bool(message.payload.get("broadcast")),
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": "belay", "event_payload": {"key": message.key}},
        )
        return {"channel": board.channel, "ts": str(answer["ts"])}

    async def _printed(self, message: Outgoing) -> list[KeptOutput]:
        unit = str(message.payload.get("unit", ""))
        if not unit:
            return []
        async with self.store.look() as tx:
            return await tx.outputs(message.run_id, unit=unit)

    async def _upload(self, message: Outgoing, board: Board) -> Mapping[str, Any]:
        name = f"{message.run_id}.md"
        answer = await self.client.files_upload_v2(
            channel=board.channel,
            thread_ts=board.ts,
            filename=name,
            title=_title(message),
            content=await self.service.report(message.run_id),
            initial_comment=f"The report of {message.run_id}, with the timeline and everything that was printed.",
        )
        files = answer.get("files") or [{}]
        return {"channel": board.channel, "file": str(files[0].get("id", ""))}

    async def _found(self, message: Outgoing, board: Board) -> Mapping[str, Any] | None:
        """
        Return where the message was posted before a crash or a lost answer, if it can be seen that it was.

        Raises:
            SlackApiError, NETWORK_ERRORS: Slack did not let it be seen just now; that says nothing about the message.
        """
        page: str | None = None
        while page != "":
            try:
                answer = await self.client.conversations_replies(
                    channel=board.channel, ts=board.ts, limit=200, cursor=page, include_all_metadata=True
                )
            except SlackApiError as error:
                if may_pass(error):
                    raise
                log.info("%s may have been posted before and is posted again: %s", message.key, error_code(error))
                return None
            for reply in answer.get("messages") or ():
                if _is(reply, message):
                    return {"channel": board.channel, "ts": str(reply["ts"])}
            page = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
        return None

    async def _refused(self, message: Outgoing, board: Board, error: SlackApiError) -> None:
        code = self.trouble = error_code(error)
        if code == "ratelimited":
            self._free_at[board.channel] = time.monotonic() + retry_after_s(error)
        else:
            log.error("Slack does not take the message %s: %s", message.key, code)
            self._free_at[board.channel] = time.monotonic() + self.gap_s
        gave_up = code in _HOPELESS or (code != "ratelimited" and message.failures + 1 >= MOST_REFUSALS)
        async with self.store.begin() as tx:
            await tx.failed(message.key, code, self.clock.now(), gave_up=gave_up)

    async def _give_up(self, message: Outgoing, reason: str) -> None:
        log.info("the message %s is not posted: %s", message.key, reason)
        async with self.store.begin() as tx:
            await tx.failed(message.key, reason, self.clock.now(), gave_up=True)


def _title(message: Outgoing) -> str:
    return f"Report of {message.run_id}"


def _is(reply: Mapping[str, Any], message: Outgoing) -> bool:
    """Return whether *reply* is *message*. A file comes without metadata; it is known by its title."""
    if message.kind == "file":
        return any(file.get("title") == _title(message) for file in reply.get("files") or ())
    key = ((reply.get("metadata") or {}).get("event_payload") or {}).get("key")
    return bool(key == message.key)
