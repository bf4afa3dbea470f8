"""The report of runs that went different ways, read as a person would."""

import re
from datetime import timedelta

import pytest

from bot.report import cell, render_report, tail
from core.action import Output, Verb
from core.codec import to_data
from core.journal import Kind
from core.pnr import Verdict
from core.state import Ask
from core.wishes import Draft
from tests.commands import stories
from tests.fakes import FakeHead, FakeOutput, FakeService, actor

HEAD = FakeHead(n=42, hash="c0ffee" + "0" * 58)


def report(service: FakeService, run_id: str = "R-17") -> str:
    outputs = service.outputs.get(run_id, [])
    return render_report(service.view(run_id), service.journals[run_id], outputs, HEAD, service.clock.now())


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below *heading*."""
    section = text.split(heading, 1)[1]
    found = re.search(r"((?:^\|.*\|$\n?)+)", section, re.MULTILINE)
    assert found
    lines = found.group(1).strip().split("\n")
    return [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def facts(text: str) -> dict[str, str]:
    return {name: told for name, told in rows(text, "# Rollback")}  # noqa: C416  # rows are lists of two


async def to_the_end(service: FakeService) -> None:
    run_id = await stories.running(service, incident="INC-482")
    service.clock.go_on(20)
    service.play(run_id, *(Draft(kind=Kind.DONE, unit=f"stop-api@controller-{i}") for i in (1, 2, 3)))
    for step, seconds in (("restore-db", 150), ("start-api", 10)):
        service.play(run_id, *(stories.started(f"{step}@controller-{i}") for i in (1, 2, 3)))
        service.clock.go_on(seconds)
        service.play(run_id, *(Draft(kind=Kind.DONE, unit=f"{step}@controller-{i}") for i in (1, 2, 3)))
    service.play(run_id, Draft(kind=Kind.SUCCEEDED))


async def test_a_success_from_request_to_end() -> None:
    service = FakeService()
    await to_the_end(service)
    text = report(service)
    told = facts(text)
    assert told["Outcome"] == "**succeeded**"
    assert told["Incident"] == "INC-482"
    assert told["Plan digest"] == f"`{service.asked['R-17'].digest}`"
    assert told["Took"] == "3 min 5 s"
    assert told["Control plane down"] == "3 min of 30 min allowed"
    assert told["Loses"] == "what was written since 02:00"
    assert told["Audit head"] == f"line 42, `{HEAD.hash}`"
    votes = [(who, what) for _, who, what, _ in rows(text, "## Who agreed")]
    assert votes[:2] == [("Bo", "approved"), ("Cy", "approved")]
    assert "when it was asked for: reversible" in text
    assert "at the claim: reversible" in text
    assert [row[2] for row in rows(text, "### 2. restore the database: done, 2 min 30 s")] == ["2 min 30 s"] * 3
    assert "Nothing: every unit is done" in text
    assert len(rows(text, "## Timeline")) == len(service.journals["R-17"])


async def test_what_people_decided_stands_in_their_words() -> None:
    service = FakeService()
    run = await stories.failed(service)
    await service.settle(run, actor("cy"), "stop-api@controller-2", "done", reason="systemd says | dead")
    await service.skip(run, actor("bo"), ["stop-api@controller-1"], reason="stopped by hand")
    text = report(service)
    decisions = [row[1:] for row in rows(text, "## What people decided")]
    assert decisions[0] == ["Cy", "stop-api@controller-2 – settled as done", r"systemd says \| dead"]
    assert decisions[1][0] == "Bo"
    assert decisions[1][2] == "stopped by hand"
    units = rows(text, "### 1. stop the API")
    assert units[1][1] == "done, was unknown in between"
    assert "restore-db@controller-1: pending" in text.split("## What is left")[1]


async def test_exit_codes_attempts_and_output_tails() -> None:
    service = FakeService()
    await stories.failed(service)
    long = "\n".join(f"line {i}" for i in range(500)) + "\n```\nfence | <!channel>\x1b[2J"
    at = service.clock.now()
    service.outputs["R-17"] = [
        _kept("stop-api@controller-1", 3, long, at),
        _kept("stop-api@controller-2", None, "", at + timedelta(seconds=1)),
        _kept("stop-api@controller-3", 0, "stopped\n", at + timedelta(seconds=2)),
    ]
    text = report(service)
    assert [row[3] for row in rows(text, "### 1. stop the API")] == ["3", "", "0"]
    printed = text.split("## What the hosts printed")[1]
    assert "do, attempt 1, exit 3" in printed
    assert "its end was not seen" in printed
    assert "… 442 lines before …" in printed
    assert "line 499" in printed
    assert "line 100\n" not in printed
    assert "\x1b" not in printed
    assert "\n````\n" in printed
    assert printed.index("exit 3") < printed.index("its end was not seen") < printed.index("exit 0")


def _kept(unit: str, exit_code: int | None, text: str, at: object) -> FakeOutput:
    output = Output(head=text, size=len(text.encode()))
    return FakeOutput(unit=unit, verb=Verb.DO, attempt=1, exit_code=exit_code, at=at, output=output)  # type: ignore[arg-type]  # a datetime


async def test_a_refusal_shows_the_evidence_and_that_nothing_ran() -> None:
    service = FakeService()
    run = await stories.waiting(service)
    await service.approve(run, actor("bo"))
    service.answers["controller-2"] = (Verdict.CROSSED, "1 <converted>")
    await service.approve(run, actor("cy"))
    text = report(service)
    assert facts(text)["Begun"] == "never; nothing ran"
    assert "**refused**: it is not safe to go back now" in text
    assert "when it was refused: crossed" in text
    assert "controller-2: 1 ‹converted›" in text
    assert "## Steps and hosts" not in text


async def test_a_veto_says_who_and_why() -> None:
    service = FakeService()
    run = await stories.waiting(service)
    await service.deny(run, actor("bo"), "the vendor ships a fix at noon")
    assert rows(report(service), "## Who agreed")[0][1:] == ["Bo", "vetoed", "the vendor ships a fix at noon"]


async def test_a_look_before_a_step_is_named_after_it() -> None:
    service = FakeService()
    run = await stories.running(service)
    findings = service.view(run).state.findings
    service.play(run, Draft(kind=Kind.PROBED, data={"findings": to_data(findings), "step": "restore-db"}))
    assert "before the step “restore the database”: reversible" in report(service)


async def test_a_run_under_way_is_reported_as_it_stands() -> None:
    service = FakeService()
    run = await stories.running(service)
    service.clock.go_on(60)
    assert facts(report(service))["Ended"].startswith("not yet")
    service.play(run, Draft(kind=Kind.ASKED, data=to_data(Ask(reason="look", choices=("abort",)))))
    assert "and still down as far as the steps tell" in report(service)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_entry_has_words(kind: Kind) -> None:
    from bot.report_words import _RUN_WORDS, _UNIT_WORDS
    from core.run_states import RUN_KINDS

    assert kind in (_RUN_WORDS if kind in RUN_KINDS else _UNIT_WORDS)


def test_cells_and_tails() -> None:
    assert cell("a|b\n*c* \\") == "a\\|b ∗c∗ \\\\"
    assert tail("a\nb\nc", 2) == "… 1 line before …\nb\nc"
    assert len(tail("x" * 100_000, 5)) <= 1_000
