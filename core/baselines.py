"""
Baselines: which questions capture a plan's facts, what of an answer is kept, and what differs later.

Pure: the questions go out and the answers come in as data.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from core import plan as p
from core.errors import RefusedError
from core.givens import check_system, known_parameters
from core.items import list_of
from core.target import Host, Target
from core.words import fill_command, on_host

#: A fact is a text a person can read, not a backup.
MAX_BYTES = 65_536
#: Lines of one fact's differences that are told.
_MOST_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineLook:
    """One question to one host; its answer is kept as the fact of this name."""

    fact: str  #: "units@controller-1"; "units" where the first host answers for all
    baseline: p.Baseline
    host: Host
    command: p.Command


def looks(plan: p.Plan, target: Target) -> tuple[BaselineLook, ...]:
    """
    Return everything that has to be asked.

    Raises:
        RefusedError: the plan has no baselines, does not fit the target, or a role or a parameter is missing.
    """
    check_system(plan, target)
    if not plan.baselines:
        raise RefusedError(f"plan '{plan.id}' names no baselines, so there is nothing to capture")
    words = {"target": target.id, **known_parameters(plan, target)}
    found = []
    for baseline in plan.baselines:
        hosts = target.in_role(baseline.role)
        if not hosts:
            raise RefusedError(f"target '{target.id}' has no host in the role '{baseline.role}' ('{baseline.id}')")
        for host in hosts[:1] if baseline.on is p.On.FIRST else hosts:
            fact = baseline.id if baseline.on is p.On.FIRST else f"{baseline.id}@{host.name}"
            command = fill_command(baseline.command, on_host(words, host))
            found.append(BaselineLook(fact=fact, baseline=baseline, host=host, command=command))
    return tuple(found)


def value_of(look: BaselineLook, exit_code: int, stdout: str) -> str:
    """
    Return what of an answer is kept.

    Raises:
        RefusedError: it is no answer to keep: the look failed, printed nothing, or more than a fact may hold.
    """
    if exit_code:
        raise RefusedError(f"the look failed with exit {exit_code}")
    if len(stdout.encode()) >= MAX_BYTES:
        raise RefusedError(f"it printed {MAX_BYTES // 1024} KiB or more; a fact is shorter: print a checksum instead")
    value = "\n".join(list_of(stdout)) if look.baseline.lines else stdout.strip()
    if not value and not look.baseline.may_be_empty:
        raise RefusedError("it printed nothing, and the plan does not say `may_be_empty`")
    return value


def differences(look: BaselineLook, recorded: str | None, live: str) -> tuple[str, ...]:
    """Return what has changed since, a line each, bounded. Of a list the order does not count."""
    if recorded is None:
        return (f"{look.fact}: was never recorded",)
    if look.baseline.lines:
        was, now = list_of(recorded), list_of(live)
        found = [f"gone: {each}" for each in was if each not in now]
        found += [f"new: {each}" for each in now if each not in was]
    elif recorded.strip() == live.strip():
        return ()
    elif "\n" in recorded or "\n" in live:
        found = _of_text(recorded, live)
    else:
        found = [f"was '{recorded}', is '{live}'"]
    more = [f"… and {len(found) - _MOST_LINES} more lines"] if len(found) > _MOST_LINES else []
    return tuple(f"{look.fact}: {line}" for line in (*found[:_MOST_LINES], *more))


def _of_text(recorded: str, live: str) -> list[str]:
    words: Mapping[str, str] = {"- ": "gone", "+ ": "new"}
    lines = difflib.ndiff(recorded.splitlines(), live.splitlines())
    return [f"{words[line[:2]]}: {line[2:]}" for line in lines if line[:2] in words]
