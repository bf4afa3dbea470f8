"""Answering a person: at the place where they asked, only they see it, and the reason always in words."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.mrkdwn import entities, escape
from bot.slack_accounts import NETWORK_ERRORS, error_code, why
from bot.slack_client import SlackSettings, answer_client
from bot.views_blocks import Json, section
from commands.base import Reply
from core.errors import BelayError, StoreUnavailableError
from core.state import NewerJournalError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where somebody asked, and how they can be answered."""

    user: str
    channel: str = ""
    thread_ts: str = ""
    response_url: str = ""


def said(error: Exception, what: str) -> str:
    """
    Return what a person is told about *error*, as mrkdwn.

    What was refused is shown as it is. Anything unexpected gets a short id that stands in the log beside the trace.
    """
    if isinstance(error, StoreUnavailableError):
        log.error("%s: nothing was recorded: %s", what, error)
        return f"Nothing was done, for it could not be recorded: {escape(str(error), 1_000)}"
    if isinstance(error, BelayError):
        log.info("%s: %s: %s", what, type(error).__name__, error)
        return escape(str(error), 2_500)
    number = secrets.token_hex(4)
    log.error("%s: unexpected error %s", what, number, exc_info=error)
    return f"Belay made a mistake and cannot say what came of it; look at the board. For the log: `{number}`"


async def or_explain(doing: Awaitable[None], what: str, tell: Callable[[str], Awaitable[None]]) -> None:
    """
    Do it; whatever goes wrong, tell the person why.

    Raises:
        NewerJournalError: the inbox leaves it to a newer replica.
    """
    try:
        await doing
    except NewerJournalError as error:
        await tell(f"{said(error, what)}. If a newer replica runs beside this one, it does it within a minute.")
        raise
    except Exception as error:  # noqa: BLE001  # a person always gets an answer; `said` logs the trace of a bug
        await tell(said(error, what))


class Answers:
    def __init__(self, client: AsyncWebClient, settings: SlackSettings) -> None:
        self._client = client
        self._settings = settings
        self.session: ClientSession | None = None

    async def reply(self, place: Place, reply: Reply) -> None:
        """Show the reply of a command, and attach its document to the channel."""
        await self.tell(place, entities(reply.text, 2_990), public=reply.public)
        if reply.document:
            await self._attach(place, reply)

    async def tell(self, place: Place, text: str, *, public: bool = False) -> None:
        """Show *text* (mrkdwn) to who asked, or with *public* to the channel. Never raises for Slack's sake."""
        message = _message(text)
        if place.response_url and await self._respond(place.response_url, message, public=public):
            return
        if not place.channel:
            log.warning("%s cannot be told: %s", place.user, text)
            return
        extra: dict[str, Any] = {"thread_ts": place.thread_ts} if place.thread_ts else {}
        try:
            if public:
                await self._client.chat_postMessage(
                    channel=place.channel, **extra, **message, unfurl_links=False, unfurl_media=False
                )
            else:
                await self._client.chat_postEphemeral(channel=place.channel, user=place.user, **extra, **message)
        except NETWORK_ERRORS as error:
            log.warning("%s was not told in %s (%s): %s", place.user, place.channel, why(error), text)

    async def _respond(self, url: str, message: Mapping[str, Any], *, public: bool) -> bool:
        kind = "in_channel" if public else "ephemeral"
        body = {**message, "response_type": kind, "replace_original": False, "unfurl_links": False}
        try:
            response = await answer_client(url, self._settings, self.session).send_dict(body)
        except NETWORK_ERRORS as error:
            log.info("the response_url did not take the answer: %s", why(error))
            return False
        return response.status_code == 200

    async def _attach(self, place: Place, reply: Reply) -> None:
        extra: dict[str, Any] = {"thread_ts": place.thread_ts} if place.thread_ts else {}
        try:
            await self._client.files_upload_v2(
                channel=place.channel,
                filename=reply.document_name,
                title=reply.document_name,
                content=reply.document,
                **extra,
            )
        except SlackApiError as error:
            hint = (
                "; invite Belay to this channel" if error_code(error) in ("not_in_channel", "channel_not_found") else ""
            )
            await self.tell(place, f"The document could not be attached: {error_code(error)}{hint}.")
        except NETWORK_ERRORS as error:
            await self.tell(place, f"The document could not be attached: {escape(why(error))}.")

    async def open_view(self, trigger_id: str, view: Json) -> str:
        """Open a dialog. Returns its id, or "" where the click is too old: Slack allows 3 seconds."""
        try:
            answer = await self._client.views_open(trigger_id=trigger_id, view=view)
        except NETWORK_ERRORS as error:
            log.warning("a dialog was not opened: %s", why(error))
            return ""
        return str(answer["view"]["id"])

    async def update_view(self, view_id: str, view: Json) -> None:
        try:
            await self._client.views_update(view_id=view_id, view=view)
        except NETWORK_ERRORS as error:
            log.warning("a dialog was not updated: %s", why(error))


def _message(text: str) -> dict[str, Any]:
    return {"text": text, "blocks": [section(text)]}
