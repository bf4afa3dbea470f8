"""The default plan against the practice hosts: its words do what it says, before any engine is in play."""

import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from core.plan import Command, Look
from core.pnr import Evidence, Findings, Verdict, evaluate, read
from core.resolve import ResolvedPlan, ResolvedStep, Unit, resolve
from sandbox.systems.findings import all_right
from sandbox.systems.scenario import BEFORE_CLAIM, Moment, before
from sandbox.systems.world import World
from store.config_files import build_targets
from store.plan_files import read_plan

PLAN = Path(__file__).parents[3] / "plans" / "practice" / "newton.yaml"
STEPS = (
    "state-before",
    "stop-services",
    "evidence",
    "close-door",
    "restore-database",
    "open-door",
    "switch-release",
    "start-services",
)


def in_scenario(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("world", [name], indirect=True)


def resolved(world: World) -> ResolvedPlan:
    target = build_targets(yaml.safe_load(world.targets_yaml()))["prod-east"]
    return resolve(read_plan(PLAN).plan, target, world.ledger)


async def said(world: World, host: str, command: Command) -> tuple[int, str]:
    answer = await world.hosts[host].ask(shlex.join(command.argv))
    return answer.exit_code, answer.stdout


async def holds(world: World, host: str, look: Look) -> bool:
    return look.expect.holds(*await said(world, host, look.command))


async def findings(world: World, plan: ResolvedPlan) -> Findings:
    evidence = []
    for point in plan.points:
        for probe in point.probes:
            try:
                verdict = read(probe.reversible, probe.crossed, *await said(world, probe.host, probe.command))
            except OSError:
                verdict = Verdict.UNKNOWN
            evidence.append(
                Evidence(
                    point=point.id,
                    probe=probe.probe,
                    host=probe.host,
                    verdict=verdict,
                    found="",
                    at=datetime.now(UTC),
                )
            )
    names, questions = plan.checkpoint_names, plan.questions()
    return evaluate(names, questions, world.ledger.checkpoints, evidence, datetime.now(UTC))


async def play(world: World, steps: Iterable[ResolvedStep]) -> None:
    """Do each unit; its verify, and its probe, have to say no before and yes after."""
    for step in steps:
        for unit in step.units:
            if step.only_checks:
                assert await holds(world, unit.host, unit.verify), f"{unit.key} does not hold"
                continue
            assert not await holds(world, unit.host, unit.verify), f"{unit.key} is verified before it is done"
            await do(world, unit.key, unit.host, unit.do)
            for look in (unit.verify, unit.probe):
                assert look is None or await holds(world, unit.host, look), f"{unit.key} is done and not verified"


async def take_back(world: World, units: Sequence[Unit]) -> None:
    for unit in reversed(units):
        if unit.undo is not None:
            await do(world, unit.key, unit.host, unit.undo)


async def do(world: World, key: str, host: str, command: Command | None) -> None:
    assert command is not None, key
    assert (await said(world, host, command))[0] == 0, key


async def test_the_plan_takes_the_practice_cloud_back(world: World) -> None:
    plan = resolved(world)
    steps = [step for step in plan.steps if not step.validation]
    validations = [unit for step in plan.steps if step.validation for unit in step.units]
    assert tuple(step.id for step in steps) == STEPS
    assert [step.id for step in steps if step.destructive] == ["restore-database"]
    assert set(plan.step("restore-database").guard) == {point.id for point in plan.points}
    assert (await findings(world, plan)).verdict is Verdict.REVERSIBLE
    assert all([await holds(world, check.host, check.look) for check in plan.preflight])
    assert not all([await holds(world, unit.host, unit.verify) for unit in validations])

    await play(world, steps)

    assert all([await holds(world, unit.host, unit.verify) for unit in validations])
    assert all_right(await world.truth())
    assert {unit.host for step in steps for unit in step.units} == {"controller-1", "controller-2", "controller-3"}


async def test_an_abort_before_the_restore_leaves_what_it_found(world: World) -> None:
    as_found = await world.truth()
    database = await world.hosts["controller-1"].run("db checksum")
    steps = resolved(world).steps[:4]
    await play(world, steps)
    assert await world.truth() != as_found

    await take_back(world, [unit for step in steps for unit in step.units])

    assert await world.truth() == as_found
    assert await world.hosts["controller-1"].run("db checksum") == database
    assert await world.hosts["controller-1"].run("db door status") == "open"


@in_scenario("crossed-recorded")
async def test_refused_by_the_ledger(world: World) -> None:
    found = await findings(world, resolved(world))

    assert found.verdict is Verdict.CROSSED
    worst = found.points[0].reasons[0]
    assert (worst.where, worst.verdict) == ("ledger", Verdict.CROSSED)


@in_scenario("crossed-live")
async def test_refused_by_a_probe(world: World) -> None:
    found = await findings(world, resolved(world))

    assert found.verdict is Verdict.CROSSED
    crossed = [reason.where for point in found.points for reason in point.reasons if reason.verdict is Verdict.CROSSED]
    assert crossed == ["compute-2"]


@in_scenario("host-unreachable")
async def test_unknown_for_want_of_an_answer(world: World) -> None:
    found = await findings(world, resolved(world))

    assert found.verdict is Verdict.UNKNOWN
    unknown = [reason.where for point in found.points for reason in point.reasons if reason.verdict is Verdict.UNKNOWN]
    assert unknown == ["compute-1"]


@pytest.mark.parametrize(
    ("world", "moment"),
    [("crossed-before-claim", BEFORE_CLAIM), ("crossed-mid-run", before("restore-database"))],
    indirect=["world"],
)
async def test_reversible_until_the_moment_comes(world: World, moment: Moment) -> None:
    plan = resolved(world)
    assert not await world.reach(before("stop-services"))
    assert (await findings(world, plan)).verdict is Verdict.REVERSIBLE

    assert await world.reach(moment)

    assert (await findings(world, plan)).verdict is Verdict.CROSSED


async def test_without_its_snapshot_there_is_no_way_back(world: World) -> None:
    plan, database = resolved(world), world.hosts["controller-1"]
    dump = Path(world.ledger.snapshots["database"].place)
    content = dump.read_bytes()

    async def verdicts() -> dict[str, Verdict]:
        return {finding.point: finding.verdict for finding in (await findings(world, plan)).points}

    untouched = {"compute-converted": Verdict.REVERSIBLE}
    assert await verdicts() == untouched | {"snapshot-lost": Verdict.REVERSIBLE}
    dump.write_bytes(content + b"-- more")
    assert await verdicts() == untouched | {"snapshot-lost": Verdict.CROSSED}
    dump.unlink()
    assert await verdicts() == untouched | {"snapshot-lost": Verdict.CROSSED}
    await database.run("chmod 000 $PRACTICE_ROOT/bin/db")
    assert await verdicts() == untouched | {"snapshot-lost": Verdict.UNKNOWN}
