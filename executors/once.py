"""
The client's half of the run-once host protocol (`once.sh`): calls as text, answers as words. Pure.

A call is one compound command of the shell; everything in it is quoted here, and nowhere else. An answer is
`begin`, the raw output, and one line of words; both lines carry a nonce the action cannot know, so that no
output can pass for a verdict.
"""

import re
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from core.action import Action, Ended, Lost, NeverRan, Output, Verdict
from core.errors import BelayError, HostNotReadyError, NotStartedError, OutcomeLostError, PlanError, UnreachableError

#: Seconds between TERM and KILL when the host ends an action.
GRACE_S: Final = 5.0
#: Seconds the host may need after the grace to see that everything is gone.
SWEEP_S: Final = 15.0
#: Linux takes no longer single argument (MAX_ARG_STRLEN); a look travels as one, an action as a file.
LONGEST_LOOK: Final = 100_000

_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z0-9]*", re.ASCII)
_SAFE_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*", re.ASCII)


class Op(StrEnum):
    RUN = "run"
    ATTACH = "attach"
    STOP = "stop"
    LOOK = "look"


def new_nonce() -> str:
    return secrets.token_hex(16)


def preamble() -> str:
    """The functions of `once.sh`, without its comments."""
    text = Path(__file__).with_name("once.sh").read_text(encoding="utf-8")
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))


def hello(nonce: str) -> bytes:
    return f"{{ nonce={nonce}; once_hello; }}\n".encode()


def not_after(uptime_s: float) -> bytes:
    """
    Return the line that goes before a call to run: it may begin until the host has been up for *uptime_s*.

    A line of its own: the call is made, and found wrong, before there is a link, and the time is known only on it.
    """
    return b"latest=%d\n" % int(100 * uptime_s)


def _words_of(op: Op, action: Action) -> str:
    """
    What the host's shell takes for the command: each word quoted, or the way to the script.

    Raises:
        PlanError: neither or both are set, or the text has a NUL byte.
    """
    where = f"{action.unit}/{action.verb}"
    if bool(action.argv) == (action.script is not None):
        raise PlanError(where, "should have either argv or a script")
    if "\0" in "".join(action.argv) + (action.script or ""):
        raise PlanError(where, "has a NUL byte, which no shell can take")
    if action.argv:
        return shlex.join(action.argv)
    return '/bin/sh -c "$script"' if op is Op.LOOK else '/bin/sh "$dir/script.$mark"'


def environment_of(action: Action) -> dict[str, str]:
    """Return `action.env` and what Belay adds to it."""
    return {
        **action.env,
        "BELAY_RUN": action.run_id,
        "BELAY_UNIT": action.unit,
        "BELAY_ATTEMPT": str(action.attempt),
        "BELAY_KEY": action.key,
    }


def _exports(env: Mapping[str, str]) -> str:
    for name, value in env.items():
        if not _ENV_NAME.fullmatch(name) or "\0" in value:
            raise PlanError(f"env/{name}", "should be letters, digits and '_', its value without NUL bytes")
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in env.items())


def call(op: Op, action: Action, *, state_dir: str, nonce: str, offset: int = 0) -> bytes:
    """
    Return the text of one call, ready for the host's shell.

    Raises:
        PlanError: the action cannot be said to a shell (a NUL byte, a bad name); nothing was sent.
    """
    if not _SAFE_WORD.fullmatch(action.run_id):
        raise PlanError("run", f"id {action.run_id!r} should be letters, digits, '.', '_', '+' and '-'")
    if not _TOKEN.fullmatch(action.run_token):
        raise PlanError("run", f"token {action.run_token!r} should be letters and digits")
    if not state_dir.startswith("/"):
        raise PlanError("state_dir", f"{state_dir!r} should be an absolute path")
    starts = op in (Op.RUN, Op.LOOK)
    words = {
        "nonce": nonce,
        "base": state_dir.rstrip("/") or "/",
        "run": action.run_id,
        "token": action.run_token,
        "key": action.key,
        "from": str(offset),
        "limit": str(max(1, round(action.timeout_s * 100))),
        "grace": str(round(GRACE_S * 100)),
        "mark": new_nonce(),
        "words": _words_of(op, action) if starts else "",
        "script": (action.script or ":") if starts and action.script is not None else "",
        "vars": _exports(environment_of(action)) if starts else "",
    }
    if op is Op.LOOK and len((words["words"] + words["script"]).encode("utf-8", "replace")) > LONGEST_LOOK:
        raise PlanError(f"{action.unit}/{action.verb}", f"is longer than {LONGEST_LOOK} bytes")
    settings = "; ".join(f"{name}={shlex.quote(value)}" for name, value in words.items())
    return f"{{ {settings}; once_{op}; }}\n".encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The host's last line, in its own words; see `once.sh`."""

    state: str
    exit_code: int = 0
    why: str = "-"
    duration_s: float = 0.0
    position: int = 0  #: bytes of the output file up to which it was sent, counted from its start
    boot_now: str = "-"
    boot_then: str = "-"
    uptime_s: float = 0.0  #: of the host, in the answer to `hello`

    @classmethod
    def read(cls, line: str) -> "Answer":
        """
        Raises:
            ValueError: the line is not one of the protocol's.
        """
        state, *rest = line.split(" ")
        if state == "hello":
            boot, setsid, uptime = rest
            return cls(state=state, why=setsid, boot_now=boot, uptime_s=int(uptime) / 100)
        code, why, spent, position, now, then = rest
        return cls(
            state=state,
            exit_code=int(code),
            why=why,
            duration_s=int(spent) / 100,
            position=int(position),
            boot_now=now,
            boot_then=then,
        )


@dataclass(slots=True, kw_only=True)
class Reader:
    """
    Cuts the host's stream into what came before the answer, output, and the answer.

    Feed it bytes as they come, in any pieces. What precedes `begin` (a noisy login shell, a left-over of an
    earlier look) is dropped, its end kept in `noise` for an error message.
    """

    nonce: str
    begun: bool = False
    answer: Answer | None = None
    noise: bytes = b""
    _buffer: bytes = field(default=b"", repr=False)

    def feed(self, data: bytes) -> bytes:
        """
        Return the output that is in *data* for certain; set `begun` and `answer` when they came.

        Raises:
            ValueError: a line with the nonce is not one of the protocol's.
        """
        self._buffer += data
        mark = b"\1" + f"{self.nonce} ".encode()  # not a newline: a line's end would have to wait for the next
        output = b""
        while self.answer is None:
            at = self._buffer.find(mark)
            end = self._buffer.find(b"\n", at) if at >= 0 else -1
            if end < 0:
                return output + self._take(at if at >= 0 else _held_back(self._buffer, mark))
            output += self._take(at)
            line = self._buffer[len(mark) : end - at].decode("ascii", "replace")
            self._buffer = self._buffer[end - at + 1 :]
            if line == "begin":
                self.begun = True
            else:
                self.answer = Answer.read(line)
        return output

    def feed_noise(self, data: bytes) -> None:
        """Remember the end of what came on another way (the channel's stderr)."""
        self.noise = (self.noise + data)[-400:]

    def _take(self, size: int) -> bytes:
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        if self.begun:
            return taken
        self.feed_noise(taken)
        return b""


def _held_back(data: bytes, mark: bytes) -> int:
    """How many bytes of *data* come before what may be the beginning of *mark*."""
    at = data.rfind(mark[:1], max(0, len(data) - len(mark)))
    return at if at >= 0 and mark.startswith(data[at:]) else len(data)


_LOST_BECAUSE: Final = {
    "rebooted": "the host has rebooted since",
    "supervisor-died": "the process that watched it on the host was killed",
    "blank-claim": "its claim on the host was never written whole",
}


def verdict_of(answer: Answer, output: Output, *, where: str) -> Verdict | BelayError:
    """Translate the host's words; *where* names unit and host in errors."""
    match answer.state:
        case "exit" | "looked":
            return Ended(
                exit_code=answer.exit_code,
                output=output,
                timed_out=answer.why == "timeout",
                killed=answer.why == "killed",
                duration_s=answer.duration_s,
            )
        case "cancelled":
            return NeverRan(reason=f"{where} had not started, and its key is spent on the host")
        case "lost":
            because = _LOST_BECAUSE.get(answer.why, answer.why)
            return Lost(reason=f"{where} may have begun and its end is not known: {because}", output=output)
        case "orphan":
            because = _LOST_BECAUSE.get(answer.why, answer.why)
            return Lost(reason=f"{where} still runs, but {because}", output=output, still_alive=True)
        case "notready" | "stranger" | "late":
            return _not_started(answer, where)
        case "alive":
            return OutcomeLostError(f"{where} was told to end and is still alive after KILL; look at the host")
        case other:
            return OutcomeLostError(f"{where}: the host answered {other!r}, which this version does not know")


def _not_started(answer: Answer, where: str) -> NotStartedError:
    if answer.state == "late":
        return UnreachableError(f"{where} was not started: the call reached the host late, when it counted no more")
    if answer.state == "stranger":
        return HostNotReadyError(
            f"{where} was not started: the host has kept another run of this number, so the database has lost its "
            "end (a failover, an old backup?). See in this run's folder in `state_dir` there what that one did, "
            "move the folder away, then retry"
        )
    said = answer.why.replace("_", " ").strip("-") or "the disk took no writing"
    return HostNotReadyError(
        f"{where} was not started: the host cannot keep its state ({said}); "
        "free some space there or make `state_dir` writable, then retry"
    )
