"""
Messages that are posted once and edited in place, boards and overviews alike: the calls, and what their failure means.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack_accounts import NETWORK_ERRORS, error_code, is_away, why
from bot.slack_budget import Budget
from bot.slack_missed import may_pass
from bot.slack_whole import whole
from bot.views import Message

log = logging.getLogger(__name__)

#: Seconds a message that Slack refuses is left alone.
REFUSED_S = 60.0
#: What is looked for was posted after its time, by this machine's clock; Slack's may be behind.
CLOCKS_DIFFER = timedelta(minutes=5)
#: The message is gone or can no longer be edited.
_GONE = ("message_not_found", "cant_update_message", "edit_window_closed", "cant_update_replies")
_TOO_MUCH = ("msg_blocks_too_long", "msg_too_long", "invalid_blocks", "invalid_blocks_format")


@dataclass(slots=True)
class Trials:
    """What this process remembers of its last calls for one message."""

    rests_until_s: float = 0.0  #: Slack refused it, or was away
    failures: int = 0  #: in a row


@dataclass(slots=True)
class Edits:
    client: AsyncWebClient
    kind: str  #: of the messages, for the log: "board"
    trouble: str = ""  #: the last one, "" while all is well

    async def guarded(
        self, doing: Coroutine[Any, Any, None], budget: Budget, trials: Trials, *, otherwise_s: float
    ) -> float:
        """
        One call and its record. What goes wrong holds up this message, or for 429 this method, and nothing else.

        Returns the seconds until there may be more to do, *otherwise_s* if it went well.
        """
        try:
            await whole(doing)
        except NETWORK_ERRORS as error:
            self.trouble = why(error)
            if self.trouble == "ratelimited":
                retry_s = retry_after_s(error)
                budget.refused(time.monotonic(), retry_s)
                log.info("Slack wants fewer calls; %ss rest for %g s", self.kind, retry_s)
                return retry_s
            trials.failures += 1
            rest_s = min(30.0, 0.5 * 2**trials.failures) if is_away(error) else REFUSED_S
            log.warning("%s is behind: %s; tried again in %g s", self._one, self.trouble, rest_s)
            trials.rests_until_s = time.monotonic() + rest_s
            return rest_s
        trials.failures, self.trouble = 0, ""
        return otherwise_s

    async def post(self, message: Message, channel: str, mark: Mapping[str, str]) -> str:
        """Post *message*; returns its `ts`. *mark* is hidden in it, to know it again."""
        metadata = {"event_type": "belay", "event_payload": dict(mark)}
        quiet = {"unfurl_links": False, "unfurl_media": False}
        answer = await self._send(self.client.chat_postMessage, message, channel=channel, metadata=metadata, **quiet)
        return str(answer["ts"])

    async def edit(self, message: Message, channel: str, ts: str) -> bool:
        """Show *message* there; False if it is gone, or cannot be edited any more."""
        try:
            await self._send(self.client.chat_update, message, channel=channel, ts=ts)
        except SlackApiError as error:
            if error_code(error) not in _GONE:
                raise
            log.warning("%s in %s is gone (%s)", self._one, channel, error_code(error))
            return False
        return True

    async def _send(self, method: Callable[..., Awaitable[Any]], message: Message, **where: Any) -> Any:
        """Call *method*; should Slack find the blocks too much, the sentence alone: what happened has to land."""
        try:
            return await method(text=message.text, blocks=message.blocks, **where)
        except SlackApiError as error:
            if error_code(error) not in _TOO_MUCH:
                raise
            log.exception("Slack does not take the blocks of %s; its sentence is shown alone", self._one)
            return await method(text=message.text, blocks=[], **where)

    async def find(self, channel: str, mark: Mapping[str, str], since: datetime, *, other_than: str = "") -> str:
        """
        Return the message with *mark* that was posted and then not written down (a crash, a lost answer), or "".

        It is found only where the app may read the channel (`channels:history`, optional).

        Raises:
            NETWORK_ERRORS: Slack did not let it be seen just now; that says nothing about the message.
        """
        oldest = str((since - CLOCKS_DIFFER).timestamp())
        try:
            answer = await self.client.conversations_history(
                channel=channel, limit=100, include_all_metadata=True, oldest=oldest
            )
        except SlackApiError as error:
            if may_pass(error):
                raise
            log.info("%s in %s may stand twice: %s", self._one, channel, error_code(error))
            return ""
        for message in answer.get("messages") or ():
            payload = (message.get("metadata") or {}).get("event_payload")
            if payload == mark and message["ts"] != other_than:
                return str(message["ts"])
        return ""

    @property
    def _one(self) -> str:
        return f"{'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind}"


def retry_after_s(error: BaseException | None) -> float:
    """Return the seconds Slack asks to wait; 30 where it does not say."""
    try:
        given = error.response.headers if isinstance(error, SlackApiError) else {}
        headers = {str(key).lower(): value for key, value in given.items()}
        return max(0.5, float(headers["retry-after"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return 30.0
