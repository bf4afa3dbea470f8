"""
Slack as the bot meets it: reactions that stand on boards, and events on their way, which come late, twice or never.

Only its edges are made up (`ChatAccounts`, `NobodyTold`). What reads events, writes them into the inbox and works them
off is the bot's own code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, cast

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack_accounts import Mark, SlackAccounts, SlackAwayError, account_from, kind_of
from bot.slack_answers import Answers, Place
from bot.slack_client import SlackSettings
from bot.views_buttons import PREFIX
from commands.base import Reply
from core.people import Account
from tests.model.pace import Gate
from tests.model.people import TEAM, described
from tests.model.reach import CALLER

CHANNEL = "C1"
CHECK, NO_ENTRY = "white_check_mark", "no_entry_sign"

Body = dict[str, Any]


@dataclass
class Chat:
    boards: dict[str, str] = field(default_factory=dict)  #: run -> its message's ts
    reactions: dict[str, set[tuple[str, str]]] = field(default_factory=dict)  #: ts -> (user, name of the emoji)
    on_their_way: list[Body] = field(default_factory=list)  #: in the order they happened
    delivered: list[Body] = field(default_factory=list)
    away: bool = False
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def board_of(self, run_id: str) -> str:
        return self.boards.setdefault(run_id, f"17000{len(self.boards)}.0")

    # -- what people do ----------------------------------------------------------------------------------------

    def react(self, user: str, run_id: str, name: str = CHECK, *, take_away: bool = False) -> None:
        ts = self.board_of(run_id)
        standing = self.reactions.setdefault(ts, set())
        if take_away is ((user, name) not in standing):
            return
        standing ^= {(user, name)}
        event = {
            "type": "reaction_removed" if take_away else "reaction_added",
            "user": user,
            "reaction": name,
            "item": {"type": "message", "channel": CHANNEL, "ts": ts},
        }
        self.on_their_way.append({"type": "event_callback", "event_id": f"Ev{next(self._numbers)}", "event": event})

    def take_back(self, run_id: str, which: int) -> None:
        """Somebody takes a reaction away."""
        if standing := sorted(self.reactions.get(self.board_of(run_id), ())):
            user, name = standing[which % len(standing)]
            self.react(user, run_id, name, take_away=True)

    def click(self, user: str, run_id: str, verb: str, value: str) -> None:
        self.on_their_way.append(
            {
                "type": "block_actions",
                "trigger_id": f"t{next(self._numbers)}",
                "user": {"id": user},
                "container": {"channel_id": CHANNEL, "message_ts": self.board_of(run_id)},
                "actions": [{"action_id": PREFIX + verb, "value": value}],
            }
        )

    def command(self, user: str, text: str) -> None:
        trigger = f"t{next(self._numbers)}"
        self.on_their_way.append(
            {"command": "/rollback", "trigger_id": trigger, "user_id": user, "channel_id": CHANNEL, "text": text}
        )

    # -- what the network does ---------------------------------------------------------------------------------

    def take(self, which: int) -> Body | None:
        """One of those on their way arrives, or is lost. None: there are none."""
        if not self.on_their_way:
            return None
        body = self.on_their_way.pop(which % len(self.on_their_way))
        self.delivered.append(body)
        return body

    def again(self, which: int) -> Body | None:
        """One that had arrived comes once more: Slack repeats what was acknowledged late."""
        return dict(self.delivered[which % len(self.delivered)]) if self.delivered else None


class ChatAccounts(SlackAccounts):
    def __init__(self, chat: Chat, gate: Gate) -> None:
        super().__init__(_no_client(), TEAM)
        self._chat = chat
        self._gate = gate

    async def account(self, user: str, *, fresh: bool = False) -> Account:
        await self._gate.point()
        if self._chat.away:
            self._unanswered[user] = OSError("away")
            return Account(id=self.id_of(user), known=False)
        return account_from(described(user), user, TEAM)

    async def marks(self, channel: str, ts: str) -> frozenset[Mark]:
        await self._gate.point()
        if self._chat.away:
            raise SlackAwayError("Slack did not say which reactions stand on the board: away")
        standing = frozenset(self._chat.reactions.get(ts, ()))
        CALLER.set(replace(CALLER.get(), board=standing))
        return frozenset(Mark(user, kind) for user, name in standing if (kind := kind_of(name)))


class NobodyTold(Answers):
    """Answers go nowhere; that a person was told something changes nothing."""

    def __init__(self) -> None:
        super().__init__(_no_client(), SlackSettings(bot_token="x"))
        self.told: list[str] = []

    async def reply(self, place: Place, reply: Reply) -> None:
        self.told.append(reply.text)

    async def tell(self, place: Place, text: str, *, public: bool = False) -> None:
        self.told.append(text)


def _no_client() -> AsyncWebClient:
    return cast("AsyncWebClient", None)


def event_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    event: Mapping[str, Any] = body.get("event") or {}
    return event
