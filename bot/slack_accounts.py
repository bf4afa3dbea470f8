"""Who an account is, and which reactions stand on a board: asked of Slack, never taken from a message's text."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from core.errors import BelayError
from core.people import Account

log = logging.getLogger(__name__)

#: What a call of the Web API raises when the network, or Slack, is not there. All of it is worth another try.
NETWORK_ERRORS: Final = (ClientError, SlackClientError, TimeoutError, OSError)
#: Seconds an account's description is trusted. The claim asks anew.
CACHE_S = 60.0

_AWAY = ("unavailable", "internal_error", "fatal_error", "service_unavailable", "request_timeout")

APPROVE, VETO = "approve", "veto"
#: Exactly these names count. Slack stores aliases under one name; skin tones come as a suffix.
KINDS: Final[Mapping[str, str]] = {
    "white_check_mark": APPROVE,
    "heavy_check_mark": APPROVE,
    "no_entry_sign": VETO,
    "no_entry": VETO,
}


class SlackAwayError(BelayError):
    """Slack did not answer. Nothing is known from it; trying again is safe."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One reaction that means something: whose, and what."""

    user: str  #: Slack's id of the user
    kind: str  #: APPROVE or VETO


def kind_of(reaction: str) -> str:
    """Return what a reaction means, "" for nothing: ":white_check_mark::skin-tone-3:" and the like are stripped."""
    return KINDS.get(reaction.strip(":").partition("::")[0], "")


class SlackAccounts:
    def __init__(self, client: AsyncWebClient, team_id: str) -> None:
        self._client = client
        self._team = team_id
        self._known: dict[str, tuple[float, Account]] = {}
        self._asking: dict[str, asyncio.Lock] = {}
        self._unanswered: dict[str, Exception] = {}  #: user -> why Slack gave no answer to the last question

    def id_of(self, user: str) -> str:
        return f"{self._team}/{user}"

    async def account(self, user: str, *, fresh: bool = False) -> Account:
        """Return the account of Slack's *user* as Slack describes it now; `known=False` where it did not."""
        async with self._asking.setdefault(user, asyncio.Lock()):
            at, account = self._known.get(user, (0.0, None))
            if account is not None and not fresh and time.monotonic() - at < CACHE_S:
                return account
            account = await self._ask(user)
            if account.known:
                self._known[user] = (time.monotonic(), account)
            return account

    async def by_id(self, account_id: str) -> Account:
        """Return the account "TEAM/USER", asked anew: for the claim."""
        team, _, user = account_id.partition("/")
        if team != self._team or not user:
            return Account(id=account_id, known=False)
        return await self.account(user, fresh=True)

    async def _ask(self, user: str) -> Account:
        try:
            answer = await self._client.users_info(user=user)
        except NETWORK_ERRORS as error:
            log.warning("Slack did not say who %s is: %s", user, why(error))
            self._unanswered[user] = error
            return Account(id=self.id_of(user), known=False)
        self._unanswered.pop(user, None)
        return account_from(answer.get("user") or {}, user, self._team)

    async def identified(self, user: str) -> Account:
        """
        Return the account of *user*; for what must be tried again rather than refused where Slack is away.

        Raises:
            SlackAwayError: Slack did not say.
        """
        account = await self.account(user)
        if not account.known and (error := self._unanswered.get(user)) is not None:
            raise SlackAwayError(f"Slack did not say who {user} is: {why(error)}") from error
        return account

    async def marks(self, channel: str, ts: str) -> frozenset[Mark]:
        """
        Return the reactions that stand on a message now.

        Raises:
            SlackAwayError: Slack did not say.
        """
        try:
            answer = await self._client.reactions_get(channel=channel, timestamp=ts, full=True)
        except NETWORK_ERRORS as error:
            raise SlackAwayError(f"Slack did not say which reactions stand on the board: {why(error)}") from error
        message = answer.get("message") or {}
        return frozenset(
            Mark(user, kind)
            for reaction in message.get("reactions", ())
            if (kind := kind_of(str(reaction.get("name", ""))))
            for user in reaction.get("users", ())
        )


def account_from(user: Mapping[str, Any], user_id: str, team: str) -> Account:
    """Read what users.info says of *user_id*. What is missing counts against it."""
    bot = any(user.get(flag) for flag in ("is_bot", "is_workflow_bot", "is_connector_bot", "is_app_user"))
    return Account(
        id=f"{team}/{user_id}",
        name=str(user.get("real_name") or user.get("name") or ""),
        bot=bot or user_id == "USLACKBOT",
        guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        stranger=bool(user.get("is_stranger")) or user.get("team_id") != team,
        deleted=bool(user.get("deleted")),
        known=user.get("id") == user_id,
    )


def why(error: BaseException) -> str:
    """Return what went wrong in a few words, without the request (it may hold secrets)."""
    if isinstance(error, SlackApiError):
        return error_code(error)
    return f"{type(error).__name__} {error}".strip()


def error_code(error: SlackApiError) -> str:
    """
    Return Slack's code for what was wrong, for example "channel_not_found".

    "ratelimited" for status 429; "unavailable" where the answer is not one of Slack's API (status 503 and the like).
    """
    response = error.response
    if not isinstance(response, AsyncSlackResponse) or response.status_code >= 500:
        return "unavailable"
    if response.status_code == 429:
        return "ratelimited"
    return str(response.get("error") or "unavailable")


def is_rate_limited(error: BaseException | None) -> bool:
    """Whether Slack did not do what was asked, because it is asked too often."""
    return isinstance(error, SlackApiError) and error_code(error) == "ratelimited"


def is_away(error: BaseException) -> bool:
    """True where Slack did not answer, so that nobody knows whether it did what was asked; False: it refused."""
    return not isinstance(error, SlackApiError) or error_code(error) in _AWAY
