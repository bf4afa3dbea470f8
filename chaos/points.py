"""
The points at which a victim can be killed: before and after each commit, SSH round trip and call to Slack.

They are put around the bot's own objects here, in the victim's process; the bot's code knows nothing of them.
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.web.async_client import AsyncWebClient
from sqlmodel import SQLModel

import executors.ssh
from chaos.spec import Kill
from core.action import Action
from core.target import Host
from executors.link import Shell
from executors.ssh import SshExecutor
from store.journal import JournalPart
from store.parts import Part
from store.sessions import NearSession, Session, SteadySession
from store.tables import AuditHeadRow, AuditRow, BoardRow, ClaimRow, JournalRow, OutboxRow, RunRow

_asking: ContextVar[str] = ContextVar("asking", default="hello")


class Points:
    """Counts the points passed and kills, or freezes, the process at the chosen one."""

    def __init__(self, kill: Kill | None, last_words: int) -> None:
        self.passed: list[str] = []
        self._kill = kill
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._last_words = last_words  #: a descriptor
        self._freezes_at = self._freezes_after = kill.nth if kill else 0

    def at(self, label: str) -> None:
        with self._lock:
            self.passed.append(label)
            self._seen[label] += 1
            if self._kill is None or self._kill.label not in ("", label):
                return
            number = self._seen[label] if self._kill.label else len(self.passed)
            if self._kill.freeze and number == self._freezes_at:
                self._freezes_after += self._kill.nth // 4
                self._freezes_at += self._freezes_after
                os.kill(os.getpid(), signal.SIGSTOP)
            elif not self._kill.freeze and number == self._kill.nth:
                os.write(self._last_words, f"{label}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)


def install(points: Points) -> None:
    """Put a point before and after everything that can be seen from outside."""
    _around_commits(points)
    _around_actions(points)
    _around_round_trips(points)
    _around_slack(points)


def _around_commits(points: Points) -> None:
    add, put, raise_epoch = Part._add, Part._put, JournalPart.raise_epoch

    def note(part: Part, *names: str) -> None:
        part._session.info.setdefault("what", []).extend(filter(None, names))

    async def noted_add(self: Part, *rows: SQLModel) -> None:
        note(self, *map(_name, rows))
        await add(self, *rows)

    async def noted_put(self: Part, table: type[SQLModel], *rest: Any, **more: Any) -> bool:
        note(self, str(table.__tablename__))
        return await put(self, table, *rest, **more)

    async def noted_epoch(self: JournalPart, run_id: str) -> int:
        note(self, "epoch")
        return await raise_epoch(self, run_id)

    _replace(Part, "_add", noted_add)
    _replace(Part, "_put", noted_put)
    _replace(JournalPart, "raise_epoch", noted_epoch)
    for kind in (NearSession, SteadySession):
        _replace(kind, "commit", _watched(points, kind.commit))


def _watched(points: Points, commit: Callable[[Any], Awaitable[None]]) -> Callable[[Session], Awaitable[None]]:
    async def watched(self: Session) -> None:
        what = "+".join(dict.fromkeys(self.info.pop("what", ()))) or "nothing of note"
        points.at(f"before commit: {what}")
        await commit(self)
        points.at(f"after commit: {what}")

    return watched


def _name(row: SQLModel) -> str:
    match row:
        case JournalRow():
            return f"{row.kind} {row.unit}".strip()
        case OutboxRow():
            state = "sent" if row.sent_at else "sending" if row.sending_at else "queued"
            return f"{row.kind} {state}"
        case ClaimRow():
            return "claim"
        case BoardRow():
            return "board"
        case RunRow() | AuditRow() | AuditHeadRow():
            return ""
        case _:
            return str(row.__tablename__)


def _around_actions(points: Points) -> None:
    for name in ("run", "attach", "stop", "look"):
        _watch_action(points, name, getattr(SshExecutor, name))
    dial = vars(executors.ssh)["dial"]

    def watched_dial(host: Host, *rest: Any) -> Any:
        points.at(f"before dial: {host.name}")
        line = dial(host, *rest)
        points.at(f"after dial: {host.name}")
        return line

    _replace(executors.ssh, "dial", watched_dial)


def _watch_action(points: Points, name: str, method: Callable[..., Any]) -> None:
    async def watched(self: SshExecutor, action: Action, host: Host, *rest: Any) -> Any:
        label = f"{name} {action.unit} {action.verb}"
        _asking.set(label)
        points.at(f"before {label}")
        answer = await method(self, action, host, *rest)
        points.at(f"after {label}")
        return answer

    _replace(SshExecutor, name, watched)


def _around_round_trips(points: Points) -> None:
    send, listen, read = Shell.send, Shell.listen, Shell._read

    async def watched_send(self: Shell, text: bytes) -> None:
        points.at(f"before send: {_asking.get()}")
        await send(self, text)
        points.at(f"after send: {_asking.get()}")

    async def watched_listen(self: Shell, call: Any) -> Any:
        self.__dict__["asked"] = _asking.get()  # the thread that reads has no context of its own
        answer = await listen(self, call)
        points.at(f"after answer: {_asking.get()}")
        return answer

    def watched_read(self: Shell, call: Any) -> str:
        shown = read(self, call)
        points.at(f"after read: {self.__dict__.get('asked', 'hello')}")
        return shown

    _replace(Shell, "send", watched_send)
    _replace(Shell, "listen", watched_listen)
    _replace(Shell, "_read", watched_read)


def _around_slack(points: Points) -> None:
    call, answer = AsyncWebClient.api_call, AsyncBaseSocketModeClient.send_socket_mode_response

    async def watched_call(self: AsyncWebClient, api_method: str, **rest: Any) -> Any:
        points.at(f"before slack: {api_method}")
        got = await call(self, api_method, **rest)
        points.at(f"after slack: {api_method}")
        return got

    async def watched_answer(self: AsyncBaseSocketModeClient, response: Any) -> None:
        points.at("before slack: acknowledgement")
        await answer(self, response)
        points.at("after slack: acknowledgement")

    _replace(AsyncWebClient, "api_call", watched_call)
    _replace(AsyncBaseSocketModeClient, "send_socket_mode_response", watched_answer)


def _replace(owner: Any, name: str, by: Any) -> None:
    setattr(owner, name, by)
