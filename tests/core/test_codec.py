"""What is written is read again as it was, and what is not understood is refused."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.approvals import Approval
from core.codec import CodecError, from_data, to_data
from core.journal import Entry
from core.people import Person
from core.plan import Plan
from core.pnr import Finding, Findings, Reason, Verdict
from core.resolve import ResolvedPlan
from core.run import Run
from core.state import Ask
from core.target import Target
from store.plan_files import read_plan
from tests.core.making import T0, approval, findings, make_plan, make_target, person, resolved

EXAMPLE = Path(__file__).parents[2] / "docs" / "plan-format.yaml"

RUN = Run(
    id="R-1",
    target="east",
    plan=resolved(),
    digest="d",
    verdict_digest="v",
    requester="ana",
    reason="broken",
    created_at=T0,
)


@pytest.mark.parametrize(
    "value",
    [
        make_plan(),
        read_plan(EXAMPLE).plan,
        resolved(),
        make_target(units=["a", "b"], on=True, count=3),
        approval("bo"),
        findings(),
        person("ana", "T/1", "T/2"),
        Ask(reason="r", units=("u",), choices=("retry",)),
        RUN,
    ],
    ids=lambda value: type(value).__name__,
)
def test_there_and_back(value: Any) -> None:
    assert from_data(type(value), json.loads(json.dumps(to_data(value)))) == value


MOMENTS = st.datetimes(timezones=st.just(UTC))  # the only zone the clock knows
REASONS = st.builds(Reason, verdict=st.sampled_from(Verdict), where=st.text(), found=st.text(), at=MOMENTS | st.none())
FINDINGS = st.builds(
    Findings,
    at=MOMENTS,
    points=st.lists(
        st.builds(
            Finding,
            point=st.text(),
            verdict=st.sampled_from(Verdict),
            reasons=st.lists(REASONS, max_size=3).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
)


@given(FINDINGS)
def test_findings_there_and_back(value: Findings) -> None:
    back = from_data(Findings, json.loads(json.dumps(to_data(value))))

    assert back == value
    assert back.digest == value.digest


@given(
    st.builds(
        Approval, person=st.text(), account=st.text(), plan_digest=st.text(), verdict_digest=st.text(), at=MOMENTS
    )
)
def test_approvals_there_and_back(value: Approval) -> None:
    assert from_data(Approval, json.loads(json.dumps(to_data(value)))) == value


def test_what_an_older_version_did_not_write_takes_its_default() -> None:
    data = to_data(resolved())
    for step in data["steps"]:
        del step["confirm"]

    assert all(step.confirm == "" for step in from_data(ResolvedPlan, data).steps)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Thing:
    name: str
    count: int = 0
    weight: float = 0.0
    at: datetime | None = None
    colour: Colour = Colour.RED
    tags: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"name": "a", "size": 3}, "unknown key 'size'; a newer version"),
        ({}, "'name' is missing"),
        ({"name": 3}, "Thing/name: 3 is not a str"),
        ({"name": "a", "count": True}, "Thing/count: True is not a int"),
        ({"name": "a", "count": "3"}, "Thing/count"),
        ({"name": "a", "weight": "heavy"}, "Thing/weight"),
        ({"name": "a", "at": "yesterday"}, "Thing/at"),
        ({"name": "a", "at": 3}, "Thing/at"),
        ({"name": "a", "colour": "blue"}, "Thing/colour"),
        ({"name": "a", "tags": "xy"}, "Thing/tags: should be a list"),
        ({"name": "a", "tags": ["x", 1]}, "Thing/tags/1"),
        ([], "should be a mapping"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(data: Any, text: str) -> None:
    with pytest.raises(CodecError, match=text):
        from_data(Thing, data)


@pytest.mark.parametrize("cls", [Plan, ResolvedPlan, Target, Person, Entry, Run])
def test_nonsense_is_refused_by_every_type(cls: type) -> None:
    with pytest.raises(CodecError):
        from_data(cls, {"nonsense": 1})
