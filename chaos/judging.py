"""Comparing a disturbed run with one that was never disturbed. Pure: facts in, findings out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos.spec import Effects

Outputs = dict[tuple[str, str], tuple[int | None, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the undisturbed run left: the same has to be left whatever happens."""

    status: str
    units: Mapping[str, str]
    effects: frozenset[tuple[str, str]]  #: (unit, verb)
    outputs: Outputs  #: (unit, verb) -> (exit status, output)
    points: tuple[str, ...] = ()  #: passed on the way, in order


@dataclass(kw_only=True)
class Findings:
    twice: list[str] = field(default_factory=list)  #: actions that took effect more than once
    lost: list[str] = field(default_factory=list)  #: outcomes that did not come back
    stuck: list[str] = field(default_factory=list)  #: a run stands still and nobody was asked
    broken: list[str] = field(default_factory=list)  #: a safeguard did not hold
    wrong: list[str] = field(default_factory=list)  #: anything else that is not as it was without faults
    with_host: list[str] = field(default_factory=list)  #: endings that died with their host; a probe or a person said

    @property
    def clean(self) -> bool:
        return not any(self._named().values())

    @property
    def may_be_slowness(self) -> bool:
        """Whether a machine too slow for the trial's patience would explain it: something was not there in the end."""
        return not self.clean and not (self.twice or self.lost or self.broken)

    def _named(self) -> dict[str, list[str]]:
        wrong = [*self.broken, *self.wrong]
        return {"ran twice": self.twice, "outcome lost": self.lost, "stuck": self.stuck, "wrong": wrong}

    def words(self) -> list[str]:
        return [f"{name}: {each}" for name, found in self._named().items() for each in found]


def expected(facts: Mapping[str, Any], effects: Effects, points: list[str]) -> Expected:
    """
    Raises:
        ValueError: the undisturbed run itself was not as it should be.
    """
    [run] = facts["runs"]
    if any(attempts != "1" for attempts in effects.values()):
        raise ValueError(f"the undisturbed run counted {effects}")
    return Expected(
        status=run["status"],
        units=run["units"],
        effects=frozenset((unit, verb) for _, unit, verb in effects),
        outputs=_outputs(run),
        points=tuple(points),
    )


def judge(want: Expected, facts: Mapping[str, Any], effects: Effects, *, hosts_failed: bool) -> Findings:
    """*hosts_failed*: hosts were powered off or their disk was full, so that an ending may have died with them."""
    found = Findings()
    found.twice += [f"{key[1]} {key[2]} in {key[0]} (attempts {a})" for key, a in effects.items() if len(a) > 1]
    if not facts.get("runs"):
        found.wrong.append("there is no run")
        return found
    run, *earlier = facts["runs"]
    for before in earlier:
        if before["status"] != "refused" or any(key[0] == before["id"] for key in effects):
            found.broken.append(f"{before['id']} is {before['status']}, beside {run['id']}")
    _compare(want, run, found)
    _effects(want, run, effects, found)
    _came_back(want, run, found, hosts_failed=hosts_failed)
    return found


def _compare(want: Expected, run: Mapping[str, Any], found: Findings) -> None:
    if run["status"] != want.status:
        found.wrong.append(f"{run['id']} is {run['status']} ({run['reason']}), should be {want.status}")
    if run["units"] != want.units:
        differing = {k: v for k, v in run["units"].items() if want.units.get(k) != v}
        found.wrong.append(f"units of {run['id']} differ: {differing}")
    if not run["claimed"] or run["entries"].count("claimed") != 1:
        claim = "" if run["claimed"] else "out"
        entries = run["entries"].count("claimed")
        found.broken.append(f"the approvals of {run['id']} were spent {entries} times, with{claim} a claim")
    if run["locked"]:
        found.wrong.append(f"{run['id']} has ended and still holds its target")


def _effects(want: Expected, run: Mapping[str, Any], effects: Effects, found: Findings) -> None:
    there = {(unit, verb) for run_id, unit, verb in effects if run_id == run["id"]}
    found.wrong += [f"{unit} {verb} never took effect" for unit, verb in sorted(want.effects - there)]
    found.broken += [f"{unit} {verb} should not have run" for unit, verb in sorted(there - want.effects)]


def _came_back(want: Expected, run: Mapping[str, Any], found: Findings, *, hosts_failed: bool) -> None:
    have = _outputs(run)
    for key, outcome in want.outputs.items():
        if have.get(key) == outcome:
            continue
        if hosts_failed:
            found.with_host.append(" ".join(key))
        else:
            found.lost.append(f"{' '.join(key)}: {_short(have.get(key))}")


def _short(outcome: Any) -> str:
    text = str(outcome)
    return text if len(text) < 300 else f"{text[:300]}…"


def _outputs(run: Mapping[str, Any]) -> Outputs:
    """The last attempt of each action."""
    outputs: Outputs = {}
    for each in sorted(run["outputs"], key=lambda o: int(o["attempt"])):
        if each["verb"] in ("do", "undo"):
            outputs[each["unit"], each["verb"]] = (each["exit"], each["output"])
    return outputs
