"""
Control trials: with one safeguard taken out the harness has to find what is then wrong, or it proves nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from chaos.databases import Databases
from chaos.enumeration import in_turn
from chaos.ground import Ground
from chaos.link import Mischief
from chaos.replaying import Comparison
from chaos.spec import Kill
from chaos.trial import Result, Trial, play


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    weaken: str
    safeguard: str  #: what is taken out, in words
    found: str  #: how a finding of the harness begins
    trials: tuple[Trial, ...]  #: played in order until it is found
    only: str = ""  #: the one database it can be tried on


def _killed(weaken: str, *labels: str, nth: int = 1, chat: bool = False) -> tuple[Trial, ...]:
    kills = [partial(in_turn, [Kill(label=label, nth=nth)]) for label in labels]
    return tuple(
        Trial(kind="control", seed=n, weaken=weaken, kills=kill, patience_s=5, chat=chat)
        for n, kill in enumerate(kills)
    )


def _frozen(weaken: str, label: str) -> Trial:
    """Whichever of two bots comes by there stands still until the other one has its work."""
    freeze = partial(in_turn, [Kill(label=label, freeze=True)])
    return Trial(kind="control", seed=0, weaken=weaken, kills=freeze, replicas=True)


def _late() -> Iterator[Trial]:
    """Calls of some length, on their way to a host, are delivered after their sender gave the line up."""
    for number in range(10):
        yield Trial(
            kind="control",
            seed=number,
            weaken="ignore-claims",
            links=3,
            link_kinds=(Mischief.LATE,),
            link_gap=(number % 3, number % 3),
            link_bytes=(700, 7_000),
        )


CONTROLS = (
    Control(
        weaken="run-again",
        safeguard="attach before retry: ask the host what became of it, never start it again",
        found="ran twice",
        trials=_killed("run-again", "after send: run slow@host-1 do"),
    ),
    Control(
        weaken="act-first",
        safeguard="intent before act",
        found="wrong: acted before it was written",
        trials=_killed("act-first", "after answer: run stop@host-3 do", "after run stop@host-3 do"),
    ),
    Control(
        weaken="ignore-claims",
        safeguard="the claim on the host",
        found="ran twice",
        trials=tuple(_late()),
    ),
    Control(
        weaken="drop-output",
        safeguard="the outcome is written with what was printed",
        found="outcome lost",
        trials=(Trial(kind="control", seed=0, weaken="drop-output"),),
    ),
    Control(
        weaken="forget-drivers",
        safeguard="a start takes up every run that was under way",
        found="stuck",
        trials=_killed("forget-drivers", "after run slow@host-1 do"),
    ),
    Control(
        weaken="post-blindly",
        safeguard="what may have been posted is looked for before it is posted again",
        found="wrong: 'R-1/",
        trials=_killed("post-blindly", "before commit: thread sent", nth=2, chat=True),
    ),
    Control(
        weaken="no-fence",
        safeguard="fencing: a bot that was replaced while it was frozen neither writes nor acts",
        found="wrong: acted after it was replaced",
        trials=(_frozen("no-fence", "after commit: started slow@host-1+started slow@host-2+started slow@host-3"),),
        only="postgres",
    ),
    Control(
        weaken="spend-nothing",
        safeguard="the claim: approvals are spent, on the record",
        found="wrong: the approvals of",
        trials=(Trial(kind="control", seed=0, weaken="spend-nothing"),),
    ),
    Control(
        weaken="claim-apart",
        safeguard="the claim and the run's start are one transaction",
        found="stuck",
        trials=_killed("claim-apart", "after commit: claim"),
    ),
    Control(
        weaken="acknowledge-first",
        safeguard="the inbox: written down before it is acknowledged",
        found="stuck",
        trials=_killed("acknowledge-first", "after slack: acknowledgement", chat=True),
    ),
    Control(
        weaken="take-twice",
        safeguard="the inbox: what comes twice is handled once",
        found="wrong: handled twice",
        trials=(Trial(kind="control", seed=0, weaken="take-twice", chat=True, twice=True),),
    ),
)


async def try_control(on: Ground, databases: Databases, control: Control, like: Comparison) -> tuple[bool, Result]:
    """Return whether the harness found what it had to find, and the last result."""
    for number, trial in enumerate(control.trials):
        result = await play(on, databases, f"{control.weaken}-{number}", trial, await like.like(trial))
        if any(words.startswith(control.found) for words in result.findings.words()):
            return True, result
    return False, result
