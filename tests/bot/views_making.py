"""Runs in every state, as large and as hostile as they come, made directly: no journal leads to all of them."""

import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from core.approvals import Approval, Tally
from core.conditions import Condition
from core.people import May, Person
from core.plan import Command, Impact, Look, On, Policy
from core.pnr import Finding, Findings, Reason, Verdict
from core.resolve import ResolvedPlan, ResolvedStep, Unit
from core.run import CheckResult, Preview, Run, RunView
from core.run_states import RunStatus
from core.state import Ask, RunState, UnitState
from core.unit_states import UnitStatus
from sandbox.workspace.blocks import check_blocks, text_size
from sandbox.workspace.view_shape import check_view

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOSTILE = (
    "<!channel> <@U1> <https://x.test|y> *bold* `code` ```fence``` @here &amp; & \u202etxet \x00 :boom: _i_ ~s~ > q"
)
SAMPLES = Path(__file__).parent.parent / "slack_samples"
#: The only thing in angle brackets that may be left: a time for the reader's own clock.
_DATE = re.compile(r"<!date\^\d+\^[^<>|]+\|[^<>|]+>")
_MENTION = re.compile(r"<@[UW][A-Z0-9]+>")


def a_plan(words: str, *, steps: int = 3, hosts: int = 3, destructive: int = 1) -> ResolvedPlan:
    names = [f"{words[:40]}h{i}" for i in range(hosts)]
    look = Look(command=Command(argv=("check",), timeout_s=5), expect=Condition(exit=(0,)))
    do = Command(argv=("do",), timeout_s=5)
    return ResolvedPlan(
        plan=words or "p",
        target=words or "prod",
        origin=words,
        destination=words,
        hosts=dict.fromkeys(names, "identity"),
        parameters={},
        snapshots={},
        points=(),
        preflight=(),
        steps=tuple(
            ResolvedStep(
                id=f"s{i}",
                title=words,
                units=tuple(
                    Unit(key=f"s{i}@{name}", host=name, do=do, undo=None, verify=look, probe=None) for name in names
                ),
                on=On.ALL,
                batch=hosts,
                destructive=i >= destructive,
                loses=words if i >= destructive else "",
                usual_s=60 * i,
                control_plane="down" if i == 0 else "",
            )
            for i in range(steps)
        ),
        policy=Policy(needed=2),
        impact=Impact(control_plane=words or "down", rto_minutes=30),
    )


def a_view(
    words: str = "words",
    *,
    status: RunStatus = RunStatus.WAITING,
    steps: int = 3,
    hosts: int = 3,
    destructive: int = 1,
    units: UnitStatus = UnitStatus.DONE,
    done: int = 1,
    choices: tuple[str, ...] = ("retry", "skip", "abort"),
) -> RunView:
    """A run whose first *done* steps have all their units in the status *units*."""
    plan = a_plan(words, steps=steps, hosts=hosts, destructive=destructive)
    people = {name: Person(id=name, name=words or name, accounts=("T1/U1",), may=frozenset(May)) for name in _PEOPLE}
    run = Run(
        id="R-17",
        target=words or "prod",
        plan=plan,
        digest="3f9c12ab" * 8,
        verdict_digest="0" * 64,
        requester="ana",
        reason=words,
        channel="C1",
        incident=words,
        created_at=NOON,
    )
    approvals = tuple(
        Approval(person=name, account="T1/U1", plan_digest=run.digest, verdict_digest="0", at=NOON) for name in _PEOPLE
    )
    started = NOON + timedelta(minutes=1)
    touched = {
        unit.key: UnitState(
            status=units,
            attempt=1,
            ever_started=True,
            reason=words,
            started_at=started,
            ended_at=started + timedelta(seconds=30),
        )
        for step in plan.steps[:done]
        for unit in step.units
    }
    begun = status.driven or status in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.UNWOUND)
    needs = status in (RunStatus.NEEDS_PERSON, RunStatus.STUCK)
    state = RunState(
        seq=9,
        status=status,
        units=touched if begun else {},
        approvals=approvals,
        findings=some_findings(words),
        warnings=(words,) * 12,
        ask=Ask(reason=words, units=tuple(touched)[:30], choices=choices, step="s0", confirm=words) if needs else None,
        reason=words,
        by="bo",
        drafted_at=NOON,
        begun_at=started if begun else None,
        ended_at=NOON + timedelta(hours=1) if status.ended else None,
    )
    counted = Tally(counted=("bo",), missing=1, ignored=tuple((a, words) for a in approvals[2:]))
    return RunView(run=run, state=state, tally=counted, people=people)


_PEOPLE = ("ana", "bo", *(f"p{i}" for i in range(30)))


def some_findings(words: str, points: int = 12) -> Findings:
    reasons = tuple(Reason(verdict=Verdict.UNKNOWN, where=words, found=words, at=NOON) for _ in range(200))
    found = tuple(Finding(point=words or "p", verdict=Verdict.UNKNOWN, reasons=reasons) for _ in range(points))
    return Findings(at=NOON, points=found)


def a_preview(words: str, *, steps: int = 3, hosts: int = 3, refused: bool = False) -> Preview:
    check = CheckResult(check="c", title=words, host=words, ok=False, blocker=True, found=words)
    plan = a_plan(words, steps=steps, hosts=hosts)
    refusals = (words,) * 20 if refused else ()
    return Preview(
        plan=plan, digest="3f9c12ab" * 8, findings=some_findings(words), checks=(check,) * 40, refusals=refusals
    )


def texts_of(value: Any) -> list[dict[str, Any]]:
    """Every text object in blocks."""
    if isinstance(value, list):
        return [text for each in value for text in texts_of(each)]
    if not isinstance(value, dict):
        return []
    own = [value] if value.get("type") in ("mrkdwn", "plain_text") else []
    return own + [text for each in value.values() for text in texts_of(each)]


def check_harmless(value: Any, *, mentions: int = 0, links: str = "") -> None:
    """
    No text of somebody else's takes effect: neither mention nor link, and nothing that hides or turns it around.

    *links*: the workspace, to messages of which our own links lead.
    """
    own = re.compile(rf"<{re.escape(links)}archives/[A-Z0-9]+/p\d+\|(?:R-\d+|the overview)>")
    for text in texts_of(value):
        shown = text["text"]
        assert "\u202e" not in shown
        assert "\x00" not in shown
        if text["type"] == "mrkdwn":
            assert text["verbatim"] is True
            bare = _DATE.sub("", own.sub("", shown) if links else shown)
            assert len(_MENTION.findall(bare)) <= mentions
            bare = _MENTION.sub("", bare) if mentions else bare
            assert "<" not in bare
            assert ">" not in bare
            assert bare.count("&") == sum(bare.count(each) for each in ("&amp;", "&lt;", "&gt;"))
            assert "@here" not in bare


@cache
def _validator(name: str) -> Draft7Validator:
    schema = json.loads((SAMPLES / "slack-official-types.schema.json").read_text())
    return Draft7Validator({**schema, "$ref": f"#/definitions/{name}"})


def check_message(text: str, blocks: list[dict[str, Any]], *, mentions: int = 0, links: str = "") -> None:
    """What Slack itself would check, and what we promise beyond it."""
    assert check_blocks(blocks, "message") == []
    _validator("Blocks").validate(blocks)
    assert len(blocks) <= 50
    assert text_size(blocks) <= 12_000
    assert 0 < len(text.strip()) <= 4_000
    check_harmless(blocks, mentions=mentions, links=links)


def check_modal(view: dict[str, Any]) -> None:
    assert check_view(view, "modal") == []
    _validator("ModalView").validate(view)
    check_harmless(view)


def check_home(view: dict[str, Any]) -> None:
    assert check_view(view, "home") == []
    _validator("HomeView").validate(view)
    check_harmless(view)
