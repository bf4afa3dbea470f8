"""`belay baseline`: every host is asked, and what they say is recorded whole or not at all."""

from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from core.errors import AccessDeniedError, RefusedError
from core.ledger import Ledger
from store.tables import AuditRow
from tests.bot.world import Bot, actor, bot, memory_hosts, plan_data
from tests.practice_executor import MemoryExecutor, printed, refuses

BASELINES: list[dict[str, Any]] = [
    {"id": "units", "role": "controller", "argv": ["units"], "timeout_s": 5, "lines": True},
    {"id": "release", "role": "controller", "on": "first", "argv": ["release"], "timeout_s": 5},
    {"id": "load", "role": "compute", "argv": ["load"], "timeout_s": 5, "compare": False},
]
PLAN = plan_data(baselines=BASELINES)
FACTS = {"units@a": "api\ndb", "units@b": "api", "units@c": "api", "release": "newton", "load@c": "0.7"}


def hosts() -> MemoryExecutor:
    found = memory_hosts()
    for fact, value in FACTS.items():
        found.answers[fact if "@" in fact else f"{fact}@a"] = printed(value + "\n")
    found.answers["release"] = printed("newton\n")
    return found


async def recorded(b: Bot) -> Ledger:
    return await b.service.ledger("prod")


async def test_every_host_is_asked_and_every_answer_recorded(tmp_path: Path) -> None:
    said: list[str] = []
    async with bot(tmp_path, hosts(), plan=PLAN) as b:
        await b.service.capture_baseline("prod", "newton", actor("ana"), said.append)

        assert (await recorded(b)).baseline == FACTS
    assert len(said) == len(FACTS)
    assert max(line.partition(": ")[2] for line in said) == "units@c: 1 lines"
    assert not b.hosts.effects


@pytest.mark.parametrize("trouble", ["unreachable", "denied", "failed", "empty"])
async def test_one_host_without_an_answer_and_nothing_is_recorded(tmp_path: Path, trouble: str) -> None:
    found = hosts()
    match trouble:
        case "unreachable":
            found.unreachable.add("b")
        case "denied":
            found.answers["units@b"] = refuses(AccessDeniedError("the key was refused"))
        case "failed":
            found.answers["units@b"] = printed("no such thing", exit_code=4)
        case _:
            found.answers["units@b"] = printed("\n")
    async with bot(tmp_path, found, plan=PLAN) as b:
        with pytest.raises(RefusedError, match=r"nothing was recorded: 1 of 5 facts cannot be captured\n  units@b: "):
            await b.service.capture_baseline("prod", "newton", actor("ana"))

        assert (await recorded(b)).baseline == {}


async def test_who_may_not_operate_records_nothing(tmp_path: Path) -> None:
    async with bot(tmp_path, hosts(), plan=PLAN) as b:
        stranger = actor("ana")
        nobody = stranger.person.__class__(id="eve", name="Eve", accounts=("T1/U-eve",), may=frozenset())
        with pytest.raises(RefusedError, match="Eve"):
            await b.service.capture_baseline(
                "prod", "newton", stranger.__class__(person=nobody, account=stranger.account, way="cli")
            )
        assert b.hosts.looks == []


async def test_what_differs_now_and_what_cannot_be_asked(tmp_path: Path) -> None:
    async with bot(tmp_path, hosts(), plan=PLAN) as b:
        await b.service.capture_baseline("prod", "newton", actor("ana"))
        same = await b.service.compare_baseline("prod", "newton")
        b.hosts.answers["units@a"] = printed("db\ncron\n")
        b.hosts.answers["load@c"] = printed("99\n")
        b.hosts.unreachable.add("b")
        other = await b.service.compare_baseline("prod", "newton")

    assert (same.facts, same.differences) == (4, ())
    assert other.differences[:2] == ("units@a: gone: api", "units@a: new: cron")
    assert other.differences[2].startswith("units@b: cannot be asked now: cannot reach 'b'")
    assert len(other.differences) == 3


async def test_what_was_never_recorded_differs(tmp_path: Path) -> None:
    async with bot(tmp_path, hosts(), plan=PLAN) as b:
        found = await b.service.compare_baseline("prod", "newton")

    assert [line.partition(": ")[2] for line in found.differences] == ["was never recorded"] * 4


async def test_a_fact_is_no_backup(tmp_path: Path) -> None:
    async with bot(tmp_path, hosts(), plan=PLAN) as b:
        with pytest.raises(RefusedError, match="'cib' has 65537 bytes; a baseline fact has at most 65536"):
            await b.service.record_baseline("prod", {"cib": "x" * 65_537}, actor("ana"))


async def test_the_audit_keeps_a_long_fact_s_digest(tmp_path: Path) -> None:
    async with bot(tmp_path, hosts(), plan=PLAN) as b:
        await b.service.record_baseline("prod", {"cib": "x" * 4_000, "release": "newton"}, actor("ana"))
        async with b.store.look() as tx:
            row = (await tx._session.exec(select(AuditRow).where(AuditRow.what == "ledger.baseline"))).one()

    assert "newton" in row.data
    assert "4000 bytes, sha256 " in row.data
    assert "xxx" not in row.data
