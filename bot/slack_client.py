"""Connecting to Slack: the client, who we are there, and two traps of the SDK (proxies, secrets in logs)."""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientSession
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.slack_accounts import NETWORK_ERRORS, SlackAwayError, error_code, why
from bot.slack_writer import MayWrite, WriterClient
from core.errors import BelayError

log = logging.getLogger(__name__)

_WRONG_TOKEN = (
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "not_allowed_token_type",
    "missing_scope",
)
#: Seconds one call of the Web API may take.
CALL_TIMEOUT_S = 15


class SlackRefusedError(BelayError):
    """Slack does not accept the tokens. Trying again does not help; a person has to look at the settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSettings:
    """How to reach Slack. With `app_token` over Socket Mode, else over signed HTTP with `signing_secret`."""

    bot_token: str
    app_token: str = ""
    signing_secret: str = ""
    api_url: str = "https://slack.com/api/"
    post_gap_s: float = 1.0  #: seconds between two messages in one channel; Slack wants about one
    edit_gap_s: float = 1.5  #: seconds between two edits of a board, times the boards; Slack allows 50 edits a minute
    fresh_s: float = 10.0  #: seconds: where boards would grow older than this, overviews show the runs

    @property
    def loopback(self) -> bool:
        """True for a workspace on this machine: no proxy stands between."""
        host = urlsplit(self.api_url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who Belay is in the workspace."""

    team_id: str
    bot_user_id: str
    bot_id: str
    app_id: str  #: "" where Slack did not say; then payloads are not compared with it
    home: str = ""  #: the workspace's own address, "https://acme.slack.com/"


def make_client(
    settings: SlackSettings, *, with_token: bool = True, may_write: MayWrite | None = None
) -> AsyncWebClient:
    """
    Return a client; one without the token for bolt, which is told who we are and calls nothing by itself.

    One with *may_write* asks it before each call.
    """
    arguments: dict[str, Any] = {"base_url": settings.api_url, "timeout": CALL_TIMEOUT_S}
    if with_token:
        arguments["token"] = settings.bot_token
    client = AsyncWebClient(**arguments) if may_write is None else WriterClient(may_write, **arguments)
    # A refused connection is tried again by whoever knows whether that is safe, not inside the call.
    client.retry_handlers.clear()
    if settings.loopback:
        # The SDK takes the environment's proxy even for loopback, and knows no NO_PROXY.
        client.proxy = None
    return client


def answer_client(url: str, settings: SlackSettings, session: ClientSession | None) -> AsyncWebhookClient:
    """Return a client for one response_url."""
    client = AsyncWebhookClient(url, timeout=CALL_TIMEOUT_S, session=session)
    if settings.loopback:
        client.proxy = None
    return client


async def who_am_i(client: AsyncWebClient, app_token: str = "") -> Identity:
    """
    Raises:
        SlackRefusedError: a token is not accepted.
        SlackAwayError: Slack did not answer; trying again may help.
    """
    hint = "SLACK_BOT_TOKEN: take the bot token (xoxb-…) from the app's OAuth page"
    me = await _accepted(client.auth_test(), hint)
    bot_id = str(me.get("bot_id") or "")
    if app_token:
        await _check_app_token(client, app_token)
    return Identity(
        team_id=str(me["team_id"]),
        bot_user_id=str(me["user_id"]),
        bot_id=bot_id,
        app_id=await _app_id(client, bot_id),
        home=str(me.get("url") or ""),
    )


async def _check_app_token(client: AsyncWebClient, app_token: str) -> None:
    """The socket's client tries for ever with a wrong token and only logs; a person should hear of it at once."""
    hint = (
        "SLACK_APP_TOKEN: make an app-level token (xapp-…) with connections:write on the app's Basic Information page"
    )
    await _accepted(client.apps_connections_open(app_token=app_token), hint)


async def _accepted(asking: Awaitable[AsyncSlackResponse], hint: str) -> AsyncSlackResponse:
    try:
        return await asking
    except SlackApiError as error:
        code = error_code(error)
        if code in _WRONG_TOKEN:
            raise SlackRefusedError(f"Slack does not accept the token ({code}) of {hint}") from error
        raise SlackAwayError(f"Slack did not let Belay in: {code}") from error
    except NETWORK_ERRORS as error:
        raise SlackAwayError(f"Slack cannot be reached: {why(error)}") from error


async def _app_id(client: AsyncWebClient, bot_id: str) -> str:
    try:
        answer = await client.bots_info(bot=bot_id)
    except NETWORK_ERRORS as error:
        log.warning("Slack did not say which app Belay is (%s); the app of payloads is not checked", why(error))
        return ""
    return str((answer.get("bot") or {}).get("app_id") or "")


class NoBodies(logging.Filter):
    """bolt logs the whole body of a request whose signature is wrong; a body holds tokens and people's words."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if "signature" in message.lower() and "body" in message.lower():
            record.msg, record.args = "a request with an invalid signature was refused", ()
        return True


#: One for the process: a logger takes the same filter once.
NO_BODIES = NoBodies()
