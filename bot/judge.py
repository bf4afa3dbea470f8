"""Did a drill end as its scenario says it has to? Judged by what is true outside, then by the bot's own record."""

from collections.abc import Iterator

from bot.script import Outcome
from core.action import Action, Verb
from core.run import RunView
from core.run_states import RunStatus
from core.state import UnitState
from sandbox.systems.findings import all_right, describe
from sandbox.systems.scenario import End, Scenario

#: What each end looks like in the run's own record.
STATUSES = {
    End.SUCCEEDED: (RunStatus.SUCCEEDED,),
    End.REFUSED: (RunStatus.REFUSED,),
    End.UNWOUND: (RunStatus.UNWOUND,),
    End.FAILED: (RunStatus.FAILED,),
    End.ASKS: (RunStatus.NEEDS_PERSON, RunStatus.STUCK),
}


def faults(scenario: Scenario, outcome: Outcome) -> list[str]:
    """Return everything that is not as it has to be, in words; empty: the drill has passed."""
    return [*_end(scenario, outcome), *_truth(scenario, outcome), *_hosts(scenario, outcome), *_people(outcome)]


def end_of(outcome: Outcome) -> str:
    """Return how it ended: a status of the run, or "refused" where there was none."""
    if outcome.view is None:
        return RunStatus.REFUSED.value
    return outcome.view.state.status.value


def _end(scenario: Scenario, outcome: Outcome) -> Iterator[str]:
    if end_of(outcome) not in STATUSES[scenario.end]:
        yield f"it should end '{scenario.end}', and is '{end_of(outcome)}'"
    if outcome.view is not None and not outcome.board:
        yield "there is no board in the channel"
    said = " ".join((outcome.refused, outcome.ask.reason if outcome.ask else "", outcome.board))
    for words in scenario.says:
        if words not in said:
            yield f"people should have read '{words}'; they read: {said}"


def _truth(scenario: Scenario, outcome: Outcome) -> Iterator[str]:
    for finding in outcome.also:
        if not finding.right:
            yield f"{finding.what}: {finding.found}"
    right = scenario.succeeds if scenario.right is None else scenario.right
    if right and not all_right(outcome.truth):
        yield f"all should be right in the end: {describe(outcome.truth)}"
    if right and all_right(outcome.before):
        yield "all was right before the rollback, so that it proves nothing"
    if scenario.right is False and all_right(outcome.truth):
        yield "something should be wrong in the end, and all is right"
    if scenario.right is None and scenario.end in (End.REFUSED, End.UNWOUND) and outcome.truth != outcome.before:
        yield f"it should be as it was ({describe(outcome.before)}), and is {describe(outcome.truth)}"


def _hosts(scenario: Scenario, outcome: Outcome) -> Iterator[str]:
    """What hosts say was started has to stand in the journal, attempt by attempt."""
    if scenario.end is End.REFUSED and outcome.claims:
        yield f"it was refused, and yet something was run: {outcome.claims}"
    if outcome.view is None:
        return
    for host, expected in started(outcome.view).items():
        claims = set(outcome.claims.get(host, []))
        if more := claims - expected:
            yield f"started on {host} and not in the journal: {', '.join(sorted(more))}"


def started(view: RunView) -> dict[str, set[str]]:
    """Return host -> claims that may be there by the run's journal."""
    found: dict[str, set[str]] = {host: set() for host in view.run.plan.hosts}
    for step in view.run.plan.steps:
        if step.only_checks:
            continue
        for unit in step.units:
            keys = _keys(view.run.id, unit.key, view.state.unit(unit.key))
            found[unit.host] |= {f"{view.run.id}/{key}" for key in keys}
    return found


def _keys(run: str, unit: str, state: UnitState) -> Iterator[str]:
    for verb, attempts in ((Verb.DO, state.attempt), (Verb.UNDO, state.undo_attempt)):
        for attempt in range(1, attempts + 1):
            yield Action(run_id=run, unit=unit, verb=verb, attempt=attempt, timeout_s=1).key


def _people(outcome: Outcome) -> Iterator[str]:
    for answer in outcome.unused:
        yield f"nobody ever asked what '{answer.word}' (to '{answer.to}') would have answered"
    for moment in outcome.missed:
        yield f"the run never came to: {moment}"
