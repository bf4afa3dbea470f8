"""Typed lines to replies and refusals, against the in-memory service."""

from dataclasses import replace

import pytest

import commands
from commands.base import Command, Reply
from commands.grammar import arrange, read
from core.errors import BelayError, RefusedError
from core.journal import Kind
from core.pnr import Verdict
from core.run import CheckResult
from core.run_states import RunStatus
from core.wishes import Draft
from tests.commands import stories
from tests.fakes import FakeService, actor, make_plan, make_target

FULL = 'start prod-east --to newton --reason "API 500s" --confirm prod-east'


async def say(service: FakeService, line: str, who: str = "ana") -> Reply:
    return await commands.answer(line, actor(who), service, channel="C9")


async def refusal(service: FakeService, line: str, who: str = "ana") -> str:
    with pytest.raises(RefusedError) as refused:
        await say(service, line, who)
    return str(refused.value)


@pytest.fixture
def service() -> FakeService:
    return FakeService()


# help


async def test_nothing_typed_is_help(service: FakeService) -> None:
    reply = await say(service, "")
    for command in commands.ALL:
        assert f"`{command.name}`" in reply.text
    assert not reply.public
    assert reply.text == (await say(service, "help")).text


@pytest.mark.parametrize("command", commands.ALL, ids=lambda command: command.name)
async def test_every_verb_has_help(service: FakeService, command: Command) -> None:
    text = (await say(service, f"help {command.name}")).text
    assert f"/rollback {command.usage}" in text
    assert command.examples
    for option in command.options:
        assert f"--{option.name}" in text
    assert text == (await say(service, f"{command.name} --help")).text


@pytest.mark.parametrize("command", commands.ALL, ids=lambda command: command.name)
def test_examples_are_lines_the_verb_allows(command: Command) -> None:
    for example in command.examples:
        line = read(example)
        assert line.verb == command.name
        arrange(command, line.tokens)


async def test_a_near_verb_is_offered(service: FakeService) -> None:
    assert await refusal(service, "statsu") == "no verb 'statsu'; did you mean 'status'?"
    assert "did you mean 'approve'" in await refusal(service, "help aprove")


async def test_verbs_are_read_in_any_case(service: FakeService) -> None:
    assert "prod-east" in (await say(service, "Targets")).text


# looking


async def test_targets_names_the_active_run(service: FakeService) -> None:
    assert "3 controllers" in (await say(service, "targets")).text
    await stories.waiting(service)
    assert "R-17 is active" in (await say(service, "targets")).text


async def test_no_targets(service: FakeService) -> None:
    service.known_targets.clear()
    assert "targets file" in (await say(service, "targets")).text
    assert "No target is known" in (await say(service, "status")).text


async def test_plans(service: FakeService) -> None:
    text = (await say(service, "plans prod-east")).text
    assert "`nova-newton` (ocata → newton)" in text
    assert "1 destructive step" in text
    assert "`/rollback preview prod-east --to PLAN`" in text


async def test_preview_shows_the_exact_words(service: FakeService) -> None:
    reply = await say(service, "preview prod-east --to newton grace=60")
    assert "`systemctl stop 'nova api; reboot'`" in reply.text
    assert "script, 2 lines" in reply.text
    assert "gunzip < $PLACE | mysql" in reply.document
    assert "loses what was written since 02:00" in reply.text
    assert "`computes-touched`: *REVERSIBLE*, 3 places looked at" in reply.text
    assert "/rollback start prod-east grace=60 --to nova-newton" in reply.text
    assert "about 3 min 10 s, budget 30 min" in reply.text
    assert not reply.public
    assert not service.asked


async def test_preview_says_why_it_would_be_refused(service: FakeService) -> None:
    service.answers["controller-2"] = (Verdict.CROSSED, "3 <converted>")
    service.checks = (
        CheckResult(check="disk", title="room on disk", host="controller-1", ok=False, blocker=True, found="2 % free"),
        CheckResult(check="ping", title="answers", host="controller-1", ok=True, blocker=True, found="yes"),
    )
    text = (await say(service, "preview prod-east")).text
    assert "*It would be refused now:*" in text
    assert "*CROSSED*: controller-2: 3 ‹converted›" in text
    assert "blocks: room on disk on controller-1: 2 % free" in text
    assert "1 of 2 checks passed" in text


async def test_status_without_anything_running(service: FakeService) -> None:
    text = (await say(service, "status")).text
    assert text.startswith("Nothing is running. Targets: `prod-east`.")


async def test_status_of_a_target_says_until_when(service: FakeService) -> None:
    text = (await say(service, "status prod-east")).text
    assert "*REVERSIBLE* until one of these happens: the first compute is converted" in text
    assert "no upgrade is recorded" in text


async def test_status_of_a_crossed_target_has_the_way_forward(service: FakeService) -> None:
    await service.begin_upgrade("prod-east", "newton", "ocata", actor())
    await service.mark("prod-east", "edpm-started", actor(), "job 4711")
    text = (await say(service, "status Prod-East")).text
    assert "*CROSSED*, there is no way back" in text
    assert "finish the upgrade with the runbook" in text
    assert "upgrade newton → ocata" in text
    assert "job 4711" in text


async def test_status_of_a_silent_target_is_unknown(service: FakeService) -> None:
    service.answers["controller-1"] = (Verdict.UNKNOWN, "cannot be reached")
    text = (await say(service, "status prod-east")).text
    assert "*UNKNOWN*, so it would be refused" in text
    assert "controller-1: cannot be reached" in text


@pytest.mark.parametrize("word", ["R-17", "r-17", "17", "r17"])
async def test_status_of_a_run(service: FakeService, word: str) -> None:
    await stories.running(service)
    text = (await say(service, f"status {word}")).text
    assert "*RUNNING*" in text
    assert "step 1 of 3" in text
    assert "approved by Bo, Cy" in text
    assert "asked by Ana" in text


async def test_status_lists_what_is_active(service: FakeService) -> None:
    await stories.running(service)
    assert "*R-17*" in (await say(service, "status")).text


async def test_status_says_what_is_asked_and_left(service: FakeService) -> None:
    await stories.failed(service)
    text = (await say(service, "status R-17")).text
    assert "*WAITING FOR A PERSON'S DECISION*" in text
    assert "`/rollback retry R-17`" in text
    assert "stop-api@controller-2: unknown" in text


async def test_history_and_report(service: FakeService) -> None:
    assert (await say(service, "history")).text == "No run yet."
    await stories.waiting(service)
    await say(service, "deny R-17", "bo")
    assert "*VETOED*" in (await say(service, "history prod-east")).text
    reply = await say(service, "report")
    assert reply.document.startswith("# Rollback R-17")
    assert reply.document_name == "R-17.md"


# asking


async def test_start_alone_opens_the_form(service: FakeService) -> None:
    reply = await say(service, "start")
    assert reply.form == "start"
    assert "/rollback start TARGET --to PLAN" in reply.text


async def test_start_in_one_line(service: FakeService) -> None:
    line = FULL + " --incident INC-482 grace=45 --accept-unknown computes-touched=“the rack is dark”"
    reply = await say(service, line)
    run = service.asked["R-17"]
    assert run.reason == "API 500s"
    assert run.incident == "INC-482"
    assert run.plan.parameters == {"grace": "45"}
    assert run.accepted == {"computes-touched": "the rack is dark"}
    assert run.channel == "C1"
    assert "2 more approvals needed before 12:30 UTC" in reply.text
    assert f"`{run.digest[:8]}`" in reply.text


async def test_a_target_without_a_channel_takes_the_one_it_was_asked_in(service: FakeService) -> None:
    service.known_targets = {"prod-east": replace(make_target(), channel="")}
    await say(service, FULL)
    assert service.asked["R-17"].channel == "C9"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("start prod-esat --to newton", "no target 'prod-esat'; did you mean 'prod-east'?"),
        ("start prod-east --to newtn", "no plan 'newtn' for prod-east; did you mean 'newton'?"),
        ("start prod-east x --to newton", "'x' is one word too many"),
        ("start --to newton", "the target is missing"),
        ("start prod-east --to newton", "a reason is missing"),
        (
            'start prod-east --to newton --reason "API 500s"',
            f"The whole line: /rollback {FULL.replace('to newton', 'to nova-newton')}",
        ),
        (
            FULL.replace("--confirm prod-east", "--confirm prod-west"),
            "should be the target's name 'prod-east', is 'prod-west'",
        ),
        (FULL + " grace=1 grace=2", "'grace' is given twice"),
        (FULL + " grace=soon", "should look like [0-9]+"),
        (FULL + " grease=1", "has no parameter 'grease'"),
        (FULL + " --accept-unknown computes-touched", "wants a point and the reason"),
    ],
)
async def test_start_is_refused(service: FakeService, line: str, says: str) -> None:
    assert says in await refusal(service, line)
    assert not service.asked


async def test_the_line_to_type_again_works(service: FakeService) -> None:
    text = await refusal(service, "start prod-east grace=5 --to newton --reason \"it's 'down' now\"")
    await say(service, text.split("/rollback ", 1)[1])
    assert service.asked["R-17"].reason == "it's 'down' now"
    assert service.asked["R-17"].plan.parameters == {"grace": "5"}


async def test_a_second_start_is_refused(service: FakeService) -> None:
    await say(service, FULL)
    assert "locked by R-17" in await refusal(service, FULL, "bo")


async def test_a_crossed_target_is_refused_with_the_evidence(service: FakeService) -> None:
    service.answers["controller-3"] = (Verdict.CROSSED, "1 converted")
    text = await refusal(service, FULL)
    assert "computes-touched is CROSSED (controller-3: 1 converted)" in text


async def test_two_plans_have_to_be_told_apart(service: FakeService) -> None:
    service.known_plans["nova-mitaka"] = make_plan("nova-mitaka", "mitaka")
    assert "which plan? prod-east has: nova-newton (to newton), nova-mitaka (to mitaka)" in await refusal(
        service, FULL.replace("--to newton", "")
    )
    service.known_plans["other-newton"] = make_plan("other-newton", "newton")
    assert "'newton' could be any of: nova-newton, other-newton" in await refusal(service, FULL)


# deciding


async def test_approvals_up_to_the_quorum(service: FakeService) -> None:
    run = await stories.waiting(service)
    digest = service.asked[run].digest[:8]
    first = await say(service, f"approve 17 {digest.upper()}", "bo")
    assert first.public
    assert first.text == "Bo approved R-17. 1 more approval needed before 12:30 UTC."
    second = await say(service, "approve", "cy")
    assert "Quorum reached" in second.text
    assert service.state(run).status is RunStatus.CLAIMED


async def test_a_digest_alone_is_enough_while_one_run_is_active(service: FakeService) -> None:
    run = await stories.waiting(service)
    assert "Bo approved R-17" in (await say(service, f"approve {service.asked[run].digest[:8]}", "bo")).text


@pytest.mark.parametrize(
    ("line", "who", "says"),
    [
        ("approve R-17", "ana", "somebody else has to approve"),
        ("approve R-17 00000000", "bo", "not 00000000"),
        ("approve R-17 nonsense", "bo", "'nonsense' is no run's name"),
        ("approve R-18", "bo", "no run 'R-18'"),
        ("withdraw R-17", "bo", "only who asked"),
        ("pause R-17", "bo", "only a running run can be paused"),
        ("abort R-17", "bo", "`withdraw` takes the request back"),
        ("retry", "bo", "nothing to retry"),
    ],
)
async def test_a_waiting_run_refuses(service: FakeService, line: str, who: str, says: str) -> None:
    await stories.waiting(service)
    before = list(service.journals["R-17"])
    assert says in await refusal(service, line, who)
    assert service.journals["R-17"] == before


async def test_deny_and_withdraw(service: FakeService) -> None:
    await stories.waiting(service)
    reply = await say(service, 'deny --reason "*wait*"', "bo")
    assert reply.public
    assert reply.text.startswith("Bo vetoed R-17: ∗wait∗. Nothing ran")
    await stories.waiting(service)
    assert "Ana took R-18 back" in (await say(service, "withdraw")).text


async def test_which_run_is_asked_where_it_is_not_clear(service: FakeService) -> None:
    assert "no run is active" in await refusal(service, "pause")
    service.known_targets["prod-west"] = make_target("prod-west")
    await stories.running(service)
    await stories.waiting(service, target="prod-west")
    assert await refusal(service, "pause") == "which run? active: R-18, R-17"
    assert (await say(service, "pause 17")).public


async def test_what_changed_before_the_claim_is_said(service: FakeService) -> None:
    await stories.waiting(service)
    await say(service, "approve", "bo")
    service.answers["controller-1"] = (Verdict.CROSSED, "1 converted")
    assert "Refused: it is not safe to go back now" in (await say(service, "approve", "cy")).text


# steering


async def test_pause_and_resume(service: FakeService) -> None:
    await stories.running(service)
    assert "Bo paused R-17: lunch" in (await say(service, "pause --reason lunch", "bo")).text
    assert "Cy resumed R-17" in (await say(service, "resume", "cy")).text
    assert service.state("R-17").status is RunStatus.RUNNING


async def test_a_phrase_is_confirmed(service: FakeService) -> None:
    run = await stories.running(service)
    service.play(run, *(Draft(kind=Kind.DONE, unit=f"stop-api@controller-{i}") for i in (1, 2, 3)))
    ask = {"reason": "wants it", "choices": ["confirm", "abort"], "step": "restore-db", "confirm": "restore nova"}
    service.play(run, Draft(kind=Kind.ASKED, data=ask))
    assert '--confirm "restore nova"' in (await say(service, "status 17")).text
    assert "type the phrase exactly" in await refusal(service, "resume --confirm nova")
    assert "Bo confirmed R-17" in (await say(service, "resume --confirm “restore nova”", "bo")).text


async def test_abort_unwinds(service: FakeService) -> None:
    await stories.running(service)
    assert "being undone" in (await say(service, "abort")).text
    assert service.state("R-17").status is RunStatus.UNWINDING


async def test_abort_says_why_not_any_more(service: FakeService) -> None:
    await stories.restoring(service)
    assert "from here only forward" in await refusal(service, "abort")
    assert service.state("R-17").status is RunStatus.RUNNING


async def test_abort_and_leave(service: FakeService) -> None:
    await stories.failed(service)
    assert "wants a reason" in await refusal(service, "abort --leave")
    reply = await say(service, 'abort --leave --reason "vendor takes over"')
    assert "ended R-17 where it stood: vendor takes over" in reply.text
    assert "stop-api@controller-2: unknown" in reply.text


async def test_retry_skip_settle(service: FakeService) -> None:
    await stories.failed(service)
    assert "no unit 'stop-api@controler-1'; did you mean" in await refusal(service, "retry 17 stop-api@controler-1")
    assert "wants a reason" in await refusal(service, "skip R-17 stop-api@controller-1")
    assert "retries stop-api@controller-1 of R-17" in (await say(service, "retry stop-api@controller-1")).text
    assert "no outcome 'doen'; did you mean 'done'?" in await refusal(service, "settle 17 stop-api@controller-2 doen")
    assert "wants what you saw" in await refusal(service, "settle 17 stop-api@controller-2 done")
    reply = await say(service, 'settle stop-api@controller-2 DONE --reason "systemd says dead"', "cy")
    assert reply.text.startswith("Cy settled `stop-api@controller-2` of R-17 as *done*: systemd says dead.")
    assert service.state("R-17").status is RunStatus.RUNNING


async def test_skip(service: FakeService) -> None:
    await stories.failed(service)
    reply = await say(service, 'skip --reason "stopped by hand"')
    assert "skips stop-api@controller-1 of R-17: stopped by hand" in reply.text
    refused = await refusal(service, 'skip R-17 stop-api@controller-2 --reason "who knows"')
    assert "'stop-api@controller-2' is unknown and cannot be skipped" in refused


# recording


async def test_mark_says_what_it_means(service: FakeService) -> None:
    reply = await say(service, 'mark prod-east edpm-started --evidence "job 4711"')
    assert reply.public
    assert (
        "*That is a point of no return* (the first compute is converted): `nova-newton` is refused now." in reply.text
    )
    assert "finish the upgrade with the runbook" in reply.text
    assert service.ledger("prod-east").checkpoints[0].evidence == "job 4711"


async def test_mark_says_which_request_it_ended(service: FakeService) -> None:
    await stories.waiting(service)
    assert "R-17 is refused by it, nothing ran." in (await say(service, "mark prod-east edpm-started", "bo")).text
    assert service.state("R-17").status is RunStatus.REFUSED


async def test_mark_of_a_name_no_plan_reads_is_said(service: FakeService) -> None:
    text = (await say(service, "mark prod-east edpm-startd")).text
    assert "No plan reads this checkpoint, so it changes no verdict; did you mean 'edpm-started'?" in text


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("mark", "a word is missing; usage: mark TARGET CHECKPOINT"),
        ("mark prod-east", "a word is missing"),
        ("mark prod-east 'two words'", "a checkpoint is one word"),
        ("mark nowhere edpm-started", "no target 'nowhere'"),
    ],
)
async def test_mark_is_refused(service: FakeService, line: str, says: str) -> None:
    assert says in await refusal(service, line)
    assert not service.ledgers


async def test_refusals_are_belay_errors(service: FakeService) -> None:
    with pytest.raises(BelayError):
        await say(service, "status R-99")
