"""What HTTP can and cannot promise. The rest of the contract is in test_contract.py."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from core.action import Action, Ended, Lost, NeverRan, Verb
from core.errors import OutcomeLostError, PlanError, UnreachableError
from core.target import Host
from executors.http import HttpExecutor
from tests.executors.kits import QUICK_HTTP
from tests.executors.sshd import free_port
from tests.practice_executor import allowed


def act(*argv: str, verb: Verb = Verb.DO, timeout_s: float = 5, unit: str = "drain@lb") -> Action:
    return Action(run_id="R-1", unit=unit, verb=verb, argv=argv, timeout_s=timeout_s)


def ignore(_text: str) -> None:
    pass


@pytest.fixture
async def seen() -> list[web.Request]:
    return []


@pytest.fixture
async def host(seen: list[web.Request]) -> AsyncIterator[Host]:
    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        body = await request.text()
        match request.path:
            case "/hang":
                await asyncio.sleep(30)
            case "/cut":
                assert request.transport
                request.transport.abort()
            case "/gateway":
                return web.Response(status=502)
            case "/moved":
                raise web.HTTPFound("/elsewhere")
            case _:
                pass
        return web.Response(text=f"got {body} token=abc known-secret\n")

    runner = web.AppRunner(web.Application(), shutdown_timeout=0.1)
    runner.app.router.add_route("*", "/{tail:.*}", answer)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield Host(name="lb", address="http://127.0.0.1", port=port, executor="http")
    await runner.cleanup()


@pytest.fixture
async def executor() -> AsyncIterator[HttpExecutor]:
    executor = HttpExecutor(replace(QUICK_HTTP, headers=(("X-Team", "sre"),), secrets=("known-secret",)))
    yield executor
    await executor.close()


async def test_a_do_says_its_key_and_a_look_does_not(
    executor: HttpExecutor, host: Host, seen: list[web.Request]
) -> None:
    done = await executor.run(act("POST", "/drain", '{"on": true}'), host, ignore, allowed)
    await executor.look(act("GET", "/state", verb=Verb.PROBE), host)

    assert isinstance(done, Ended)
    assert done.output.text == 'HTTP 200 OK\ngot {"on": true} token=[masked] [masked]\n'
    assert seen[0].headers["Idempotency-Key"] == "R-1/drain+40+lb.do.1"
    assert seen[0].headers["Content-Type"] == "application/json"
    assert seen[0].headers["X-Team"] == "sre"
    assert "Idempotency-Key" not in seen[1].headers


@pytest.mark.parametrize("path", ["/hang", "/cut", "/gateway"])
async def test_an_answer_not_seen_is_lost_and_never_sent_again(
    executor: HttpExecutor, host: Host, seen: list[web.Request], path: str
) -> None:
    action = act("POST", path, timeout_s=0.3)

    with pytest.raises(OutcomeLostError):
        await executor.run(action, host, ignore, allowed)
    with pytest.raises(OutcomeLostError):
        await executor.run(action, host, ignore, allowed)

    assert isinstance(await executor.attach(action, host, ignore), Lost)
    assert len(seen) == 1


async def test_a_gateway_s_answer_is_one_to_a_look(executor: HttpExecutor, host: Host) -> None:
    assert (await executor.look(act("GET", "/gateway", verb=Verb.PROBE), host)).exit_code == 5


async def test_a_redirect_is_not_followed(executor: HttpExecutor, host: Host, seen: list[web.Request]) -> None:
    ended = await executor.run(act("POST", "/moved"), host, ignore, allowed)

    assert isinstance(ended, Ended)
    assert ended.exit_code == 3
    assert len(seen) == 1


async def test_what_was_not_sent_may_be_sent_later(executor: HttpExecutor, host: Host) -> None:
    nobody = Host(name="lb", address="127.0.0.1", port=free_port(), executor="http")
    with pytest.raises(UnreachableError, match="nothing was sent"):
        await executor.run(act("POST", "/x"), nobody, ignore, allowed)
    with pytest.raises(UnreachableError):
        await executor.run(act("POST", "/x"), nobody, ignore, allowed)


async def test_stop_says_what_it_cannot_do(executor: HttpExecutor, host: Host, seen: list[web.Request]) -> None:
    action = act("POST", "/hang", timeout_s=1)
    running = asyncio.create_task(executor.run(action, host, ignore, allowed))
    while not seen:
        await asyncio.sleep(0.01)

    with pytest.raises(OutcomeLostError, match="cannot call it back"):
        await executor.stop(action, host)
    with pytest.raises(OutcomeLostError):
        await running


@pytest.mark.parametrize(
    "argv", [(), ("GET",), ("FETCH", "/x"), ("GET", "x"), ("GET", "/x", "body", "more"), ("GET", "file:///etc/passwd")]
)
async def test_what_is_no_request_is_refused(executor: HttpExecutor, host: Host, argv: tuple[str, ...]) -> None:
    with pytest.raises(PlanError):
        await executor.run(act(*argv), host, ignore, allowed)


async def test_a_look_does_not_write(executor: HttpExecutor, host: Host, seen: list[web.Request]) -> None:
    with pytest.raises(PlanError, match="GET or HEAD"):
        await executor.look(act("POST", "/x", verb=Verb.PROBE), host)

    assert not seen


async def test_never_ran_needs_a_proof(executor: HttpExecutor, host: Host) -> None:
    assert not isinstance(await executor.attach(act("POST", "/x"), host, ignore), NeverRan)


@pytest.mark.parametrize("ask", ["attach", "stop"])
async def test_what_another_process_may_still_send_is_waited_out(
    executor: HttpExecutor, host: Host, seen: list[web.Request], ask: str
) -> None:
    """A replica may be frozen with its request in hand; whoever is told that nothing is known decides at once."""
    action, began_s = act("POST", "/x"), time.monotonic()

    known = await (executor.attach(action, host, ignore) if ask == "attach" else executor.stop(action, host))

    assert isinstance(known, Lost)
    assert time.monotonic() - began_s >= QUICK_HTTP.call_lives_s + QUICK_HTTP.connect_timeout_s
    assert seen == []


async def test_a_request_whose_connection_stands_too_late_is_not_sent(host: Host, seen: list[web.Request]) -> None:
    slow = HttpExecutor(replace(QUICK_HTTP, call_lives_s=-0.1))
    try:
        with pytest.raises(UnreachableError, match="counts no more"):
            await slow.run(act("POST", "/x"), host, ignore, allowed)
        assert isinstance(await slow.look(act("GET", "/x", verb=Verb.PROBE), host), Ended), "a look is never late"
    finally:
        await slow.close()
    assert [request.method for request in seen] == ["GET"]
