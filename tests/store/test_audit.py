"""The audit: whoever alters, removes or moves a line is found out, and where."""

import hashlib
import json

import pytest
from sqlalchemy import text

from store import audit
from store.chain import AuditError
from store.columns import iso
from store.database import Store
from store.records import AuditHead
from tests.store.samples import PAUSED, T0, at, begun_run


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gaps at the edge of a batch are gaps too."""
    monkeypatch.setattr(audit, "_BATCH", 2)


async def _ten_lines(store: Store) -> AuditHead:
    async with store.begin() as transaction:
        for n in range(1, 11):
            await transaction.audit(f"what {n}", who="bo", data={"n": n, "words": "été"}, at=at(n))
        return await transaction.audit_head()


async def _tamper(store: Store, *statements: str) -> None:
    async with store.begin() as transaction:
        for statement in statements:
            await transaction._session.write(text(statement))


async def _verify(store: Store, expected: AuditHead | None = None) -> AuditHead:
    async with store.look() as look:
        return await look.verify_audit(expected=expected)


async def test_an_untouched_audit_holds(store: Store) -> None:
    assert (await _verify(store)).n == 0
    head = await _ten_lines(store)
    assert await _verify(store) == await _verify(store, head) == head
    async with store.begin() as transaction:
        await transaction.audit("more", who="", data=None, at=T0)
    assert (await _verify(store, head)).n == 11, "a published head is still part of a longer audit"


async def test_the_chain_can_be_checked_without_our_code(store: Store) -> None:
    """What is hashed is documented by this test: SHA-256 of a JSON list."""
    async with store.begin() as transaction:
        told = await transaction.audit("claimed", who="bo", data={"b": 1, "a": "é"}, at=T0)
    covered = [1, iso(T0), "bo", "claimed", '{"a":"\\u00e9","b":1}', "0" * 64]
    assert told == hashlib.sha256(json.dumps(covered, separators=(",", ":")).encode()).hexdigest()


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE audit SET who = 'eve' WHERE n = 4"], r"line 4 \('what 4' by 'eve'\) was altered"),
        (["UPDATE audit SET what = 'nothing' WHERE n = 1"], "line 1 .* was altered"),
        (["UPDATE audit SET data = '{}' WHERE n = 10"], "line 10 .* was altered"),
        (["UPDATE audit SET at = (SELECT at FROM audit WHERE n = 1) WHERE n = 5"], "line 5 .* was altered"),
        (["UPDATE audit SET previous = hash WHERE n = 5"], "line 5 does not follow line 4"),
        (["UPDATE audit SET hash = previous WHERE n = 5"], "line 5 .* was altered"),
        (["DELETE FROM audit WHERE n = 5"], "line 5 is missing; line 6 stands in its place"),
        (["DELETE FROM audit WHERE n = 1"], "line 1 is missing"),
        (["DELETE FROM audit WHERE n IN (4, 5, 6)"], "line 4 is missing"),
        (["DELETE FROM audit WHERE n = 5", "UPDATE audit SET n = n - 1 WHERE n = 6"], "line 5 does not follow"),
        (
            [
                "UPDATE audit SET n = 100 WHERE n = 3",
                "UPDATE audit SET n = 3 WHERE n = 4",
                "UPDATE audit SET n = 4 WHERE n = 100",
            ],
            "line 3 does not follow",
        ),
        (["DELETE FROM audit WHERE n > 8"], "ends at line 8, it should end at line 10"),
        (["DELETE FROM audit"], "ends at line 0, it should end at line 10"),
        (["UPDATE audit_head SET n = 8, hash = (SELECT hash FROM audit WHERE n = 8)"], "should end at line 8"),
        (["DELETE FROM audit_head"], "the head of the audit is missing"),
        (
            ["INSERT INTO audit SELECT 11, at, who, what, data, hash, hash FROM audit WHERE n = 10"],
            "line 11 .* was altered",
        ),
    ],
    ids=lambda value: value[0][:60] if isinstance(value, list) else "",
)
async def test_tampering_is_found(store: Store, statements: list[str], said: str) -> None:
    await _ten_lines(store)
    await _tamper(store, *statements)
    with pytest.raises(AuditError, match=said):
        await _verify(store)


async def test_an_end_cut_off_with_its_head_needs_a_published_one(store: Store) -> None:
    published = await _ten_lines(store)
    cut = "UPDATE audit_head SET n = 8, hash = (SELECT hash FROM audit WHERE n = 8)"
    await _tamper(store, "DELETE FROM audit WHERE n > 8", cut)
    assert (await _verify(store)).n == 8
    with pytest.raises(AuditError, match="ends at line 8, line 10 was published"):
        await _verify(store, published)


async def test_a_rewritten_audit_needs_a_published_one(store: Store) -> None:
    """Somebody with the database and this code computes the whole chain anew."""
    published = await _ten_lines(store)
    await _tamper(store, "DELETE FROM audit", f"UPDATE audit_head SET n = 0, hash = '{'0' * 64}'")
    async with store.begin() as transaction:
        for n in range(1, 13):
            await transaction.audit(f"what {n}", who="eve" if n == 4 else "bo", data={"n": n}, at=at(n))
    assert (await _verify(store)).n == 12
    with pytest.raises(AuditError, match="line 10 is not the one that was published"):
        await _verify(store, published)


async def test_every_entry_of_a_journal_has_its_line(store: Store) -> None:
    run_id = await begun_run(store)
    async with store.begin() as transaction:
        await transaction.append(run_id, [PAUSED], seq=5, at=at(40), by="bo")
        rows = (await transaction._session.exec(text("SELECT what, who, data FROM audit"))).all()
        entries = await transaction.entries(run_id)
    lines = [(what, who, json.loads(data)["seq"], json.loads(data)["data"]) for what, who, data in rows]
    assert lines == [(f"journal.{e.kind}", e.by, e.seq, dict(e.data)) for e in entries]
