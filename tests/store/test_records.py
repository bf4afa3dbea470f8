"""Ledger, outputs, the freeze: kept, given back as they came, never deleted."""

from dataclasses import replace

import pytest

from core.action import Output, Verb
from core.errors import RefusedError
from core.ledger import Checkpoint, Hop, Ledger, Snapshot, Upgrade
from store.database import Store
from store.tables import CounterRow
from tests.store.samples import T0, UNIT, at, begun_run

UPGRADE = Upgrade(origin="newton", destination="ocata", started_at=T0, by="ana")
STARTED = Checkpoint(name="edpm-started", at=at(5), by="ci", evidence="job 4711 \x00\ud800 été")
BEFORE = Snapshot(
    name="before", kind="galera", place="/backup/0412", sha256="ab" * 32, taken_at=T0, host="controller-1"
)


async def test_of_a_target_nobody_wrote_about_there_is_nothing(store: Store) -> None:
    async with store.look() as look:
        assert await look.ledger("nowhere") == Ledger(target="nowhere")


async def test_the_ledger_of_an_upgrade(store: Store) -> None:
    later = replace(BEFORE, sha256="cd" * 32)
    async with store.begin() as transaction:
        await transaction.begin_upgrade("prod-east", UPGRADE)
        await transaction.add_checkpoint("prod-east", STARTED)
        await transaction.add_checkpoint("prod-east", replace(STARTED, at=at(6)))
        await transaction.add_snapshot("prod-east", BEFORE, "ci", at(7))
        await transaction.add_snapshot("prod-east", later, "ci", at(8))
        await transaction.add_baseline("prod-east", {"schema": "41", "release@c1": "newton"}, "ci", at(9))
        await transaction.add_baseline("prod-east", {"schema": "42"}, "ci", at(10))
        await transaction.add_checkpoint("prod-west", replace(STARTED, name="other"))
    async with store.look() as look:
        ledger = await look.ledger("prod-east")
    storable = replace(STARTED, evidence="job 4711 \ufffd\ufffd été")
    assert ledger == Ledger(
        target="prod-east",
        upgrade=UPGRADE,
        checkpoints=(storable, replace(storable, at=at(6))),
        snapshots={"before": later},
        baseline={"schema": "42", "release@c1": "newton"},
    )


async def test_what_came_before_any_upgrade_belongs_to_none(store: Store) -> None:
    async with store.begin() as transaction:
        await transaction.add_checkpoint("prod-east", STARTED)
        ledger = await transaction.ledger("prod-east")
        assert ledger.upgrade is None
        assert [c.name for c in ledger.checkpoints] == ["edpm-started"]
        await transaction.begin_upgrade("prod-east", UPGRADE)
        assert await transaction.ledger("prod-east") == Ledger(target="prod-east", upgrade=UPGRADE)


async def test_a_new_upgrade_starts_a_new_page(store: Store) -> None:
    second = replace(UPGRADE, origin="ocata", destination="pike", started_at=at(100))
    async with store.begin() as transaction:
        await transaction.begin_upgrade("prod-east", UPGRADE)
        await transaction.add_checkpoint("prod-east", STARTED)
        await transaction.begin_upgrade("prod-east", second)
        assert await transaction.ledger("prod-east") == Ledger(target="prod-east", upgrade=second)


async def test_every_fact_has_its_line_in_the_audit(store: Store) -> None:
    async with store.begin() as transaction:
        await transaction.begin_upgrade("t", UPGRADE)
        await transaction.add_checkpoint("t", STARTED)
        await transaction.add_snapshot("t", BEFORE, "ci", at(7))
        await transaction.add_baseline("t", {"a": "b"}, "ci", at(9))
        await transaction.freeze("storm", "bo", at(10))
        await transaction.thaw("cy", at(11))
        assert (await transaction.verify_audit()).n == 6


NASTY = Output(head="\x00\x1b[31mnul, escape, \ud800 surrogate, 😀\r\n", tail="end", left_out=12, size=99)


async def test_outputs_come_back_exactly(store: Store) -> None:
    run_id = await begun_run(store)
    async with store.begin() as transaction:
        await transaction.add_output(run_id, UNIT, Verb.DO, 1, output=NASTY, exit_code=None, at=at(1))
        await transaction.add_output(run_id, UNIT, Verb.VERIFY, 1, output=Output(head="up"), exit_code=0, at=at(2))
        await transaction.add_output(run_id, UNIT, Verb.DO, 2, output=Output(head="again"), exit_code=3, at=at(3))
    async with store.look() as look:
        kept = await look.outputs(run_id)
        assert [(k.verb, k.attempt, k.exit_code, k.at) for k in kept] == [
            (Verb.DO, 1, None, at(1)),
            (Verb.VERIFY, 1, 0, at(2)),
            (Verb.DO, 2, 3, at(3)),
        ]
        assert kept[0].output == NASTY
        assert kept[0].unit == UNIT


async def test_an_output_seen_again_replaces_the_first(store: Store) -> None:
    run_id = await begun_run(store)
    async with store.begin() as transaction:
        await transaction.add_output(run_id, UNIT, Verb.DO, 1, output=Output(head="par"), exit_code=None, at=at(1))
        await transaction.add_output(run_id, UNIT, Verb.DO, 1, output=Output(head="partly"), exit_code=0, at=at(2))
        (kept,) = await transaction.outputs(run_id)
    assert (kept.output.head, kept.exit_code, kept.at) == ("partly", 0, at(2))


async def test_the_freeze_survives_a_restart(url: str) -> None:
    first = await Store.open(url)
    async with first.begin() as transaction:
        assert await transaction.frozen() is None
        await transaction.freeze("storm", "bo", at(10))
    await first.close()

    second = await Store.open(url)
    async with second.begin() as transaction:
        freeze = await transaction.frozen()
        assert freeze is not None
        assert (freeze.reason, freeze.by, freeze.at) == ("storm", "bo", at(10))
        with pytest.raises(RefusedError, match="frozen already by bo at 2026-04-12 12:40 UTC: storm"):
            await transaction.freeze("mine", "cy", at(11))
        await transaction.thaw("cy", at(12))
        assert await transaction.frozen() is None
        with pytest.raises(RefusedError, match="nothing is frozen"):
            await transaction.thaw("cy", at(13))
    await second.close()


async def test_ping_writes(store: Store) -> None:
    await store.ping()
    await store.ping()
    async with store.look() as look:
        beat = await look._session.get(CounterRow, "beat")
        assert beat is not None
        assert beat.value == 2


async def test_hops_are_a_chain_of_their_upgrade(store: Store) -> None:
    hop = Hop(origin="newton", destination="ocata", began_at=at(10), by="ana", snapshot="s0")
    async with store.begin() as tx:
        await tx.begin_upgrade("east", UPGRADE)
        await tx.begin_hop("east", hop)
        begun = (await tx.ledger("east")).hops
        await tx.end_hop("east", hop, "bo", at(20))
        await tx.begin_hop("east", replace(hop, origin="ocata", destination="pike", began_at=at(30), snapshot=""))
    async with store.begin() as tx:
        chain = (await tx.ledger("east")).hops
        await tx.begin_upgrade("east", replace(UPGRADE, started_at=at(40)))
        assert (await tx.ledger("east")).hops == ()

    assert begun == (hop,)
    assert chain[0] == replace(hop, ended_at=at(20))
    assert (chain[1].origin, chain[1].destination, chain[1].ended_at) == ("ocata", "pike", None)
