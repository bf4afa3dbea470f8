"""Random legal journals: each entry is one that the tables allow after the one before."""

from hypothesis import strategies as st

from core import run_states, unit_states
from core.codec import to_data
from core.journal import Entry, Kind
from core.pnr import Verdict
from core.run_states import RUN_KINDS
from core.state import Ask, RunState, apply
from tests.core.making import approval, findings, later, resolved

PLAN = resolved()
UNITS = [unit.key for step in PLAN.steps for unit in step.units]
STEPS = [step.id for step in PLAN.steps]
UNIT_KINDS = frozenset(Kind) - RUN_KINDS


def legal(state: RunState) -> list[tuple[Kind, str]]:
    """Everything that may come next: kinds for the run, and kinds with a unit."""
    if state.seq == 0:
        return [(Kind.DRAFTED, "")]
    answers = [(kind, "") for status, kind in run_states.NEXT if status is state.status]
    if state.begun_at is not None:
        answers += [
            (kind, unit) for unit in UNITS for status, kind in unit_states.NEXT if status is state.unit(unit).status
        ]
    return answers


@st.composite
def walks(draw: st.DrawFn, longest: int = 40) -> list[Entry]:
    """A legal journal of at most *longest* entries; most of them reach the steps."""
    state, entries = RunState(), []
    for _ in range(draw(st.integers(1, longest))):
        # Once a run is under way its units are what matters: its few endings would cut most walks short.
        options = [each for each in legal(state) if state.begun_at is None or not _ends(each[0])] or legal(state)
        if not options:
            break
        kind, unit = draw(st.sampled_from(options))
        entries.append(make(draw, state, kind, unit))
        state = apply(state, entries[-1])
    return entries


def _ends(kind: Kind) -> bool:
    return kind in (Kind.SUCCEEDED, Kind.FAILED, Kind.UNWOUND)


def make(draw: st.DrawFn, state: RunState, kind: Kind, unit: str = "") -> Entry:
    at = later(state.seq + 1)
    data: dict[str, object] = {}
    match kind:
        case Kind.DRAFTED:
            data = {"accepted": draw(st.sampled_from([{}, {"converted": "we know"}]))}
        case Kind.PROBED:
            verdict = draw(st.sampled_from(Verdict))
            data = {"findings": to_data(findings(verdict, at)), "step": draw(st.sampled_from(["", *STEPS]))}
        case Kind.ELECTED:
            data = {"step": draw(st.sampled_from(STEPS)), "host": draw(st.sampled_from(["c1", "c2"]))}
        case Kind.STOPPED:
            data = {"step": draw(st.sampled_from(STEPS)), "reason": "enough"}
        case Kind.CONFIRMED:
            data = {"step": draw(st.sampled_from(STEPS))}
        case Kind.ASKED:
            units = draw(st.lists(st.sampled_from(UNITS), max_size=3, unique=True))
            data = to_data(Ask(reason="asked", units=tuple(units), choices=("retry", "skip", "abort")))
        case Kind.APPROVED:
            data = to_data(approval(draw(st.sampled_from("abc")), at=at))
        case Kind.APPROVAL_REMOVED:
            data = {"person": draw(st.sampled_from("abc"))}
        case Kind.UNIT_FAILED:
            data = draw(st.sampled_from([{"reason": "exit 1"}, {"reason": "not started", "began": False}]))
        case _:
            pass
    return Entry(seq=state.seq + 1, kind=kind, at=at, unit=unit, data=data)
