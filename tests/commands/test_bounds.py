"""No reply outgrows a message, and nothing hostile comes out of one, whatever is typed, named or found."""

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import commands
from commands.grammar import hidden
from commands.text import LIMIT
from core.errors import BelayError
from core.journal import Kind
from core.people import Person
from core.pnr import Verdict
from core.run_states import RunStatus
from core.wishes import Draft
from tests.commands import stories
from tests.fakes import STEPS, FakeService, actor, make_plan, make_target

HOSTILE = "*_~`<!channel> <@U1|bo> :white_check_mark: \u202egnp.exe\x1b[2J\n> *R-17*: *SUCCEEDED* `x` | [a](http://b)"

words = st.one_of(
    st.sampled_from([command.name for command in commands.ALL]),
    st.sampled_from(
        ["prod-east", "R-17", "17", "newton", "--to", "--reason", "--confirm", "a=b", "--help", "edpm-started"]
    ),
    st.sampled_from(["“x", 'y"', "''", "<@U1|ana>", "*bold*", "`", "`rm -rf /`", "$(reboot)", "—to", ":ok:", "_"]),
    st.text(max_size=20),
)


def injected(text: str) -> str:
    """Return what in *text* could only come from outside: mentions, links, emoji, hidden characters."""
    found = re.findall(r"<[!@#]|<http|:[a-z0-9_+'-]*[a-z][a-z0-9_+'-]*:|\]\(", text)
    return "".join(found) + "".join(c for c in text if hidden(c) and c != "\n")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, max_size=7), st.sampled_from(["", "waiting", "failed"]))
async def test_any_line_is_answered_or_refused(line: list[str], before: str) -> None:
    service = FakeService()
    if before:
        await getattr(stories, before)(service)
    try:
        reply = await commands.answer(" ".join(line), actor("bo"), service)
    except BelayError:
        return
    assert len(reply.text) <= LIMIT
    assert not injected(reply.text)
    assert reply.text.count("`") % 2 == 0


async def hostile_service(hosts: int = 3) -> FakeService:
    service = FakeService()
    service.roster = type(service.roster)({name: _renamed(person) for name, person in service.roster.people.items()})
    target = replace(make_target(hosts=hosts), title=HOSTILE)
    steps = tuple(replace(step, title=HOSTILE, loses=HOSTILE if step.destructive else "") for step in STEPS)
    service.known_targets = {"prod-east": target}
    service.known_plans = {"nova-newton": replace(make_plan(steps=steps), title=HOSTILE, origin=HOSTILE)}
    await service.begin_upgrade("prod-east", HOSTILE, HOSTILE, actor())
    await service.mark("prod-east", "harmless", actor(), HOSTILE * 5)
    for host in target.hosts:
        service.answers[host.name] = (Verdict.REVERSIBLE, HOSTILE * 5)
    return service


def _renamed(person: Person) -> Person:
    return replace(person, name=HOSTILE)


LOOKS = ["targets", "plans", "plans prod-east", "preview prod-east", "status prod-east", "status", "history"]


@pytest.mark.parametrize("hosts", [3, 200])
@pytest.mark.parametrize("line", [*LOOKS, "status R-17", "report R-17"])
async def test_looks_are_bounded_and_harmless(line: str, hosts: int) -> None:
    service = await hostile_service(hosts)
    await stories.failed(service, reason=HOSTILE * 9, incident=HOSTILE)
    reply = await commands.answer(line, actor("bo"), service)
    assert len(reply.text) <= LIMIT
    assert not injected(reply.text)
    assert "*R-17*: *SUCCEEDED*" not in reply.text
    outside_fences = re.sub(r"(`{3,})\n.*?\n\1", "", reply.document, flags=re.DOTALL)
    assert not injected(outside_fences)


async def test_acts_are_bounded_and_harmless() -> None:
    service = await hostile_service()
    await stories.failed(service, reason=HOSTILE)
    hostile = "*x* <!channel> :ok: " * 20
    settled = f'settle R-17 stop-api@controller-2 done --reason "{hostile}"'
    for line in ("retry R-17 --help", f'skip R-17 --reason "{hostile}"', settled, f'pause R-17 --reason "{hostile}"'):
        reply = await commands.answer(line, actor("bo"), service)
        assert len(reply.text) <= LIMIT
        assert not injected(reply.text)


async def test_a_preview_of_200_hosts_is_a_document_with_every_unit() -> None:
    service = FakeService()
    service.known_targets = {"prod-east": make_target(hosts=200)}
    reply = await commands.answer("preview prod-east", actor(), service)
    assert len(reply.text) <= LIMIT
    assert "in the document" in reply.text
    assert reply.document_name == "preview-prod-east-nova-newton.md"
    for number in (1, 77, 200):
        assert f"stop-api@controller-{number}: systemctl stop 'nova api; reboot'" in reply.document
    assert "gunzip < $PLACE | mysql" in reply.document


@pytest.mark.parametrize("status", list(RunStatus))
async def test_every_status_says_what_happens_next(status: RunStatus) -> None:
    """Whatever state a run is in, `status` has a sentence for it."""
    from commands.say import next_line

    service = FakeService()
    await stories.running(service)
    view = service.view("R-17")
    assert len(next_line(replace(view, state=replace(view.state, status=status)))) > 20


async def test_a_long_reason_does_not_hide_the_way_on() -> None:
    service = FakeService()
    await stories.running(service, reason="x " * 450)
    service.play("R-17", Draft(kind=Kind.PAUSED, data={"reason": "y" * 900}))
    assert "`/rollback resume R-17`" in (await commands.answer("status 17", actor(), service)).text
