"""What can be practised on a system: what happens behind everybody's back, what people do, how it has to end."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from sandbox.systems.findings import Finding

if TYPE_CHECKING:
    from sandbox.systems.world import World

Act = Callable[["World"], Awaitable[None]]
Look = Callable[["World"], Awaitable[tuple[Finding, ...]]]


async def nothing(_world: "World") -> None:
    """The scene is what the upgrade left."""


async def no_more(_world: "World") -> tuple[Finding, ...]:
    """What the system itself looks at is enough."""
    return ()


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happens. Whoever plays the scenario calls `world.reach(moment)`."""

    when: str
    step: str = ""  #: of the plan; "patch" is also met at its waves "patch.w1", "patch.w2"


#: The last approval is given, the claim is not yet made.
BEFORE_CLAIM = Moment("before the claim")


def before(step: str) -> Moment:
    """The run has come to *step* (or validation): nothing of it has begun, its guards have not been looked at."""
    return Moment("before", step)


def during(step: str) -> Moment:
    """The first command of *step* is on its way to its host."""
    return Moment("during", step)


class End(StrEnum):
    """How a rollback can end, or stand still for good as far as the scripted people are concerned."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"  #: before anyone was asked, or at the claim; nothing was run
    UNWOUND = "unwound"
    FAILED = "failed"  #: left where it stands
    ASKS = "needs a person"  #: a question nobody in the script answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What a person types when the run asks. Each is used once, by the first question it fits; one that is left over at
    the end is a drill that went another way than it should. A typed confirmation nobody has an answer for is typed.
    """

    to: str = ""  #: words of the question, its step or one of its units; "": any question
    word: str  #: retry, skip, resume, abort, leave (abort and leave it as it is), settle
    units: tuple[str, ...] = ()  #: for retry and skip: these only; for settle: the one
    outcome: str = ""  #: for settle: done, failed, undone
    phrase: str = ""  #: for resume: what is typed; "": what is asked for
    reason: str = "drill"
    first: Act | None = None  #: what is done on the hosts before it
    first_says: str = ""
    by: str = "bo"

    def line(self, run: str, asked_phrase: str = "") -> str:
        """Return what is typed."""
        words = " ".join(self.units)
        phrase = self.phrase or asked_phrase
        match self.word:
            case "retry":
                return f"/rollback retry {run} {words}".rstrip()
            case "resume":
                return f"/rollback resume {run}" + (f' --confirm "{phrase}"' if phrase else "")
            case "leave":
                return f'/rollback abort {run} --leave --reason "{self.reason}"'
            case "settle":
                return f'/rollback settle {run} {words} {self.outcome} --reason "{self.reason}"'
            case "skip":
                return f'/rollback skip {run}{" " + words if words else ""} --reason "{self.reason}"'
            case "abort":
                return f'/rollback abort {run} --reason "{self.reason}"'
            case _:
                raise ValueError(f"should be retry, skip, resume, abort, leave or settle, is '{self.word}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str  #: "A1"; people type SYSTEM/A1
    title: str
    what_to_expect: str
    end: End
    says: tuple[str, ...] = ()  #: words that have to stand in the refusal, the last question, or on the last board
    right: bool | None = None  #: whether all is right in the end; None: if it succeeded; else it is as it was
    plan: str = ""  #: "": the system's own
    parameters: Mapping[str, str] = field(default_factory=dict)  #: what the requester adds as NAME=VALUE
    accepts: Mapping[str, str] = field(default_factory=dict)  #: point of no return -> why its unknown is taken on
    upgrade: Act | None = None  #: how the upgrade went; None: as the system has it
    prepare: Act = nothing  #: done once the upgrade has gone wrong, before anybody sees the world
    at: Mapping[Moment, Act] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    also: Look = no_more  #: what more has to be true in the end, beside the system's own truth

    @property
    def succeeds(self) -> bool:
        return self.end is End.SUCCEEDED
