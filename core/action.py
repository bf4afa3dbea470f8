"""
What an executor is asked, and what it answers.

An action that changes something (`do`, `undo`) takes effect at most once for its key, whatever dies:
asking again with the same key attaches to what runs, or returns the same ending. An action that only looks
(`verify`, `probe`) has no such claim and may be repeated.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from core.target import Host

#: Bytes of output kept of each end; what lies between is counted and left out.
HEAD_BYTES = 8_192
TAIL_BYTES = 24_576

#: Seconds after which a host starts nothing any more that was permitted before. A call may be held back: its replica
#: froze with it in hands, or the network had it. Nobody asks a person what became of it before that time is over.
CALL_LIVES_S: Final = 30.0
#: Seconds after which it no longer counts by anybody's clock.
CALL_IS_OVER_S: Final = CALL_LIVES_S + 5.0
#: Seconds a permit may have taken (the database was away) and still be the last thing before the call.
PERMIT_HOLDS_S: Final = 5.0


class Verb(StrEnum):
    DO = "do"
    UNDO = "undo"
    VERIFY = "verify"
    PROBE = "probe"

    @property
    def only_looks(self) -> bool:
        return self in (Verb.VERIFY, Verb.PROBE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """
    One thing one executor does on one host.

    Exactly one of `argv` and `script` is set. A script travels on stdin or as one quoted word; `env` reaches
    it as environment variables, so that a value can never become shell syntax.
    """

    run_id: str  #: "R-17"; for looks outside a run any safe word ("preview")
    run_token: str = ""  #: `Run.token`: a host that has kept another run of this number refuses; "": it does not ask
    unit: str  #: "stop-api@controller-1"; with items "start-unit@controller-1[nova-api]"
    verb: Verb
    attempt: int = 1  #: counts from 1; another attempt is another claim on the host
    argv: tuple[str, ...] = ()
    script: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float

    @property
    def key(self) -> str:
        """The claim on the host: letters, digits and '-_.+' only, and unique in the run."""
        return f"{''.join(map(_safe, self.unit))}.{self.verb}.{self.attempt}"


def _safe(character: str) -> str:
    """Two different units never share a key: what is not kept is spelled as its code point."""
    if character in "-_." or (character.isascii() and character.isalnum()):
        return character
    return f"+{ord(character):x}+"


@dataclass(frozen=True, slots=True)
class Output:
    """What a command printed (stdout and stderr as they came), redacted and bounded."""

    head: str = ""
    tail: str = ""  #: empty when everything fits in `head`
    left_out: int = 0  #: bytes between head and tail that are not kept here
    size: int = 0  #: bytes in all

    @property
    def text(self) -> str:
        if not self.left_out:
            return self.head + self.tail
        return f"{self.head}\n… {self.left_out} bytes left out …\n{self.tail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The action ran and its end was seen."""

    exit_code: int  #: 0..255; 128+N for a death by signal N
    output: Output = field(default_factory=Output)
    stdout: str = ""  #: of a look: what it printed on stdout alone (redacted, first 64 KiB); conditions read this
    timed_out: bool = False  #: ended by us because its time was up; the host says it is gone
    killed: bool = False  #: ended by us because a person asked; the host says it is gone
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverRan:
    """
    A proof: under this key nothing ran and nothing ever will (the claim on the host is spent).

    Only another attempt, with another key, may run it.
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """It began and nobody can tell how it ended (the host rebooted, its supervisor was killed)."""

    reason: str
    output: Output = field(default_factory=Output)
    still_alive: bool = False  #: the supervisor is dead, the command itself still runs ("orphan")
    silent: bool = False  #: the host said nothing at all: it may not even have ended


Verdict = Ended | NeverRan | Lost

#: Called with each piece of output as it comes (decoded, redacted, whole lines where possible). Never blocks.
Sink = Callable[[str], None]

#: Asked by an executor as the last thing before it sends the call; raises what forbids it, and nothing is sent.
Permit = Callable[[], Awaitable[None]]


class Executor(Protocol):
    """
    One way of acting. A failed command is an answer; only what was not started or not seen is an error.

    Everything is keyed by `action.key` within `action.run_id`. All methods may be cancelled: cancelling
    stops the waiting, never what runs on the host.
    """

    async def run(self, action: Action, host: Host, sink: Sink, permit: Permit) -> Verdict:
        """
        Start *action*, or attach to it if it was started before; return when it has ended.

        The time-out is enforced on the host too; the verdict is then `Ended(timed_out=True)`. So is the life of the
        call: what *permit* allowed does not start later than `CALL_LIVES_S` after it was asked.

        Raises:
            UnreachableError: nothing was started (the host cannot be reached, or the call reached it too late); trying
                again is safe.
            AccessDeniedError: nothing was started; the host key or the credentials were refused.
            HostNotReadyError: nothing was started; the host's disk is full, or it knows another run of this number.
            OutcomeLostError: the link dropped after it may have started: attach.

        And whatever *permit* raises: nothing was started.
        """
        ...

    async def attach(self, action: Action, host: Host, sink: Sink) -> Verdict:
        """
        Say what became of *action* without ever starting it; wait for its end if it still runs.

        If it never started, its key is spent on the host, so that a delayed start can do nothing:
        that is the proof in `NeverRan`.

        Raises:
            UnreachableError, AccessDeniedError, HostNotReadyError: the host cannot be asked; nothing is known.
            OutcomeLostError: the link dropped while waiting.
        """
        ...

    async def stop(self, action: Action, host: Host) -> Verdict:
        """
        End *action* with all its processes, and return when the host says they are gone.

        Raises:
            UnreachableError, AccessDeniedError, OutcomeLostError: the host did not say so.
        """
        ...

    async def look(self, action: Action, host: Host) -> Ended:
        """
        Run an action that only looks. No claim is made on the host.

        Raises:
            UnreachableError, AccessDeniedError: the host cannot be asked.
            OutcomeLostError: the link dropped or the time was up before the answer came; that is no answer.
        """
        ...

    async def close(self) -> None:
        """Give back every connection. What runs on hosts goes on."""
        ...
