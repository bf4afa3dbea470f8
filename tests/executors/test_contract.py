"""The promises of `core.action.Executor`, asked of every executor. A new one joins by a kit in `kits.py`."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.action import Ended, Executor, Lost, NeverRan, Verb
from core.errors import FencedError, HostNotReadyError, UnreachableError
from tests.executors.kits import ALL, Kit
from tests.executors.sshd import Sshd
from tests.practice_executor import allowed

pytestmark = pytest.mark.sshd


@pytest.fixture(params=ALL)
async def kit(request: pytest.FixtureRequest, sshd: Sshd, tmp_path: Path) -> AsyncIterator[Kit]:
    async with ALL[request.param](sshd, tmp_path) as kit:
        yield kit
        await kit.executor.close()


def ignore(_text: str) -> None:
    pass


async def test_it_is_an_executor(kit: Kit) -> None:
    executor: Executor = kit.executor
    assert executor


async def test_an_action_runs_and_its_output_comes(kit: Kit) -> None:
    heard: list[str] = []

    verdict = await kit.executor.run(kit.action("ok", "one"), kit.host, heard.append, allowed)

    assert isinstance(verdict, Ended)
    assert verdict.exit_code == 0
    assert "hello" in verdict.output.text
    assert "".join(heard) == verdict.output.text
    assert kit.effect("one") == kit.acts


async def test_a_failed_command_is_an_answer(kit: Kit) -> None:
    verdict = await kit.executor.run(kit.action("bad", "one"), kit.host, ignore, allowed)

    assert isinstance(verdict, Ended)
    assert verdict.exit_code == (4 if kit.acts else 0)
    assert not verdict.timed_out
    assert not verdict.killed


async def test_the_same_key_acts_once_and_ends_the_same(kit: Kit) -> None:
    first = await kit.executor.run(kit.action("bad", "one"), kit.host, ignore, allowed)
    again = await kit.executor.run(kit.action("bad", "one"), kit.host, ignore, allowed)

    assert isinstance(first, Ended)
    assert isinstance(again, Ended)
    assert (again.exit_code, again.output) == (first.exit_code, first.output)
    assert kit.effect("one") == kit.acts


async def test_two_at_once_act_once(kit: Kit) -> None:
    both = await asyncio.gather(
        *(kit.executor.run(kit.action("slow", "one"), kit.host, ignore, allowed) for _ in range(2))
    )

    assert all(isinstance(verdict, Ended) and verdict.exit_code == 0 for verdict in both)
    assert kit.effect("one") == kit.acts


async def test_attach_after_the_end_says_the_same(kit: Kit) -> None:
    ran = await kit.executor.run(kit.action("bad", "one"), kit.host, ignore, allowed)
    attached = await kit.executor.attach(kit.action("bad", "one"), kit.host, ignore)

    assert isinstance(ran, Ended)
    assert isinstance(attached, Ended)
    assert attached.exit_code == ran.exit_code
    assert attached.output == ran.output


@pytest.mark.parametrize("how", ["attach", "stop"])
async def test_what_was_asked_for_before_it_started_never_starts(kit: Kit, how: str) -> None:
    action = kit.action("ok", "one")
    asked = kit.executor.attach(action, kit.host, ignore) if how == "attach" else kit.executor.stop(action, kit.host)
    said = await asked
    late = await kit.executor.run(action, kit.host, ignore, allowed)

    assert type(said) is (NeverRan if kit.proves else Lost)
    assert type(late) is type(said)
    assert kit.effect("one") == 0


async def test_who_stops_waiting_does_not_stop_the_action(kit: Kit) -> None:
    action = kit.action("slow", "one")
    waiting = asyncio.create_task(kit.executor.run(action, kit.host, ignore, allowed))
    while kit.acts and not kit.effect("one"):
        await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait({waiting})

    verdict = await kit.executor.attach(action, kit.host, ignore)

    if kit.acts:
        assert isinstance(verdict, Ended)
        assert verdict.exit_code == 0
        assert kit.effect("one") == 1


async def test_a_look_claims_nothing(kit: Kit) -> None:
    looks = [await kit.executor.look(kit.action("ok", "one", Verb.PROBE), kit.host) for _ in range(2)]

    assert [look.exit_code for look in looks] == [0, 0]
    assert all("hello" in look.output.text for look in looks)
    assert kit.effect("one") == 2 * kit.acts
    if kit.acts:
        assert looks[0].stdout == "hello\n"


async def test_nobody_there_means_nothing_started(kit: Kit) -> None:
    if not kit.acts:
        pytest.skip("a dry run reaches nobody")
    nobody = kit.unreachable()
    with pytest.raises(UnreachableError, match="nothing was"):
        await kit.executor.run(kit.action("ok", "one"), nobody, ignore, allowed)
    with pytest.raises(UnreachableError):
        await kit.executor.look(kit.action("ok", "one", Verb.PROBE), nobody)

    assert isinstance(await kit.executor.run(kit.action("ok", "one"), kit.host, ignore, allowed), Ended)


@pytest.mark.parametrize("how", ["run", "attach", "stop"])
async def test_what_another_run_of_the_same_number_did_is_not_this_ones(kit: Kit, how: str) -> None:
    """The database lost a run and gave its number out again; the host did not lose it."""
    if not (kit.proves and kit.acts):
        pytest.skip("it keeps nothing on a host")
    before = kit.action("ok", "one")
    await kit.executor.run(replace(before, run_token="a1"), kit.host, ignore, allowed)
    other = replace(before, run_token="b2")
    calls = {
        "run": lambda: kit.executor.run(other, kit.host, ignore, allowed),
        "attach": lambda: kit.executor.attach(other, kit.host, ignore),
        "stop": lambda: kit.executor.stop(other, kit.host),
    }
    with pytest.raises(HostNotReadyError, match="another run of this number"):
        await calls[how]()

    assert kit.effect("one") == 1
    assert isinstance(await kit.executor.attach(replace(before, run_token="a1"), kit.host, ignore), Ended)


async def test_closing_twice_is_fine(kit: Kit) -> None:
    await kit.executor.look(kit.action("ok", "one", Verb.PROBE), kit.host)
    await kit.executor.close()
    await kit.executor.close()


async def test_what_is_forbidden_at_the_last_moment_does_not_start(kit: Kit) -> None:
    async def forbidden() -> None:
        assert kit.effect("one") == 0
        raise FencedError("another one drives it")

    with pytest.raises(FencedError):
        await kit.executor.run(kit.action("ok", "one"), kit.host, ignore, forbidden)
    assert kit.effect("one") == 0

    assert isinstance(await kit.executor.run(kit.action("ok", "one"), kit.host, ignore, allowed), Ended)
    assert kit.effect("one") == kit.acts


async def test_a_permit_that_took_long_is_asked_for_again(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database was away: nothing failed, and what it said first is old."""
    for module in ("executors.link", "executors.http", "tests.practice_executor"):
        monkeypatch.setattr(f"{module}.PERMIT_HOLDS_S", 0.3)
    if not kit.acts:
        pytest.skip("nothing starts here at all")
    asked = 0

    async def slow_at_first() -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.5 if asked == 1 else 0.0)
        assert kit.effect("one") == 0

    assert isinstance(await kit.executor.run(kit.action("ok", "one"), kit.host, ignore, slow_at_first), Ended)
    assert (asked, kit.effect("one")) == (2, 1)


async def test_a_call_that_comes_too_late_starts_nothing_and_may_be_made_again(kit: Kit) -> None:
    """It was held back after its permit: others have gone on meanwhile."""
    if not kit.acts:
        pytest.skip("nothing starts here at all")
    lives_s = kit.shorten_calls(-1.0)
    with pytest.raises(UnreachableError):
        await kit.executor.run(kit.action("ok", "one"), kit.host, ignore, allowed)
    assert kit.effect("one") == 0

    kit.shorten_calls(lives_s)
    assert isinstance(await kit.executor.run(kit.action("ok", "one"), kit.host, ignore, allowed), Ended)
    assert kit.effect("one") == 1
