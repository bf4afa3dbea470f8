"""
What the children of a zygote are: a bot with its points, or a judge who only reads.

The bot is the real one: `bot.wiring.assemble`, its engine and service, and `bot.serve.running` where there is a chat.
Only waiting times are shortened, so that thousands of faults fit into an hour; each is named here.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

import bot.replicas
import bot.serve
import bot.slack
import bot.unit_work
import bot.wiring
import executors.link
from bot.replicas_jobs import Pace
from bot.serve import running
from bot.settings import Settings
from bot.wiring import Parts, assemble
from chaos import watching, weaken
from chaos.person import Everybody, People, StuckError
from chaos.points import Points, install
from chaos.spec import NOT_NOW, Spec
from core.codec import to_data
from core.errors import BelayError, StoreUnavailableError
from store.database import Store

#: Seconds; in the product: a dead link 12, a sign of life 4, connecting 10, attaching again 2, between messages 1.
DEAD_AFTER_S, KEEPALIVE_S, CONNECT_S, REATTACH_S, POST_GAP_S = 2.0, 0.5, 2.0, 0.2, 0.02
CALL_LIVES_S = 5.0
#: Seconds; in the product: between two sweeps 5, until what a replica took in is another's 30; and of replicas: a beat
#: 1.5, dead 6, looks 1, a writer's lease 2.5.
SWEEP_S, ORPHANED_S = 1.0, 4.0
PACE = Pace(beat_s=0.75, dead_after_s=3.0, look_s=0.5, again_s=0.5, lease_s=2.0, newer_s=2.5, close_s=2.5)
#: Seconds until the chat has to show an ended run.
SHOWN_S = 120.0

log = logging.getLogger(__name__)


def child(spec: Spec) -> None:
    """What a zygote's child does."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    try:
        asyncio.run(_judge(spec) if spec.role == "judge" else _victim(spec))
    except StoreUnavailableError as error:
        # A crowded machine: the database throws out who idles. A bot ends with that and is started again by its keeper.
        log.warning("not now: %s", error)
        sys.exit(NOT_NOW)


async def _victim(spec: Spec) -> None:
    words = os.open(spec.folder / "last-words", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    points = Points(spec.kill, words)
    _shorten()
    weaken.apply(spec.weaken)
    watching.install(spec)
    install(points)
    result: dict[str, Any] = {"stuck": ""}
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _say_where)
    async with _bot(spec) as parts:
        try:
            await People(parts, spec).see_to_the_end()
        except StuckError as stuck:
            result["stuck"] = str(stuck)
        if spec.slack:
            await _until_shown(parts)
        result["stalled"] = sorted(parts.engine.stalled)
    result["points"] = points.passed
    (spec.folder / f"{spec.role}.json").write_text(json.dumps(result))


def _say_where() -> None:
    """Into the log: what each task waits for. Asked of one that does not end, before it is killed."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)
    sys.stderr.flush()


@asynccontextmanager
async def _bot(spec: Spec) -> AsyncIterator[Parts]:
    settings = settings_of(spec)
    await watching.check_intents(spec, settings.url)
    if spec.slack:
        async with running(settings) as served:
            yield served.parts
        return
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(assemble(settings, shares=spec.replicas))
        parts.service.witness = Everybody()
        if parts.replicas:
            stack.push_async_callback(parts.replicas.close)
        await (parts.replicas or parts.engine).start()
        sweeping = asyncio.create_task(_sweep(parts))
        stack.push_async_callback(_ended, sweeping)
        yield parts


async def _sweep(parts: Parts) -> None:
    """As `bot.serve` does: what was claimed or queued and got lost is found again."""
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            await parts.service.sweep()
        except BelayError as error:
            log.info("no sweep now: %s", error)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _until_shown(parts: Parts) -> None:
    """The run is over; wait until the chat says so too."""
    async with asyncio.timeout(SHOWN_S):
        while True:
            if await _is_shown(parts):
                return
            await asyncio.sleep(0.05)


async def _is_shown(parts: Parts) -> bool:
    try:
        async with parts.store.look() as tx:
            return not await tx.boards_behind() and not await tx.outbox()
    except StoreUnavailableError as error:
        log.info("nothing is seen now: %s", error)
        return False


def settings_of(spec: Spec) -> Settings:
    chat: dict[str, Any] = {}
    if spec.slack:
        chat = {
            "slack_bot_token": SecretStr(spec.slack["bot_token"]),
            "slack_app_token": SecretStr(spec.slack["app_token"]),
            "slack_api_url": spec.slack["api_url"],
        }
    return Settings(
        config=spec.folder / "config",
        data=spec.folder / ("data-second" if spec.role == "second" else "data"),
        database_url=spec.url,
        listen_host="127.0.0.1",
        listen_port=0,
        known_hosts=Path(spec.known_hosts),
        ssh_config=spec.folder / "config" / "ssh_config",
        identity_files=[Path(spec.client_key)],
        **chat,
    )


def _shorten() -> None:
    ssh_settings, slack_settings = bot.wiring.ssh_settings, bot.serve.slack_settings
    vars(bot.wiring)["ssh_settings"] = lambda settings: replace(
        ssh_settings(settings),
        dead_after_s=DEAD_AFTER_S,
        keepalive_s=KEEPALIVE_S,
        connect_timeout_s=CONNECT_S,
        call_lives_s=CALL_LIVES_S,
        agent=False,
    )
    vars(bot.serve)["slack_settings"] = lambda settings: replace(slack_settings(settings), post_gap_s=POST_GAP_S)
    vars(bot.unit_work).update(REATTACH_EVERY_S=REATTACH_S, CALL_IS_OVER_S=CALL_LIVES_S + 1)
    vars(bot.serve)["SWEEP_EVERY_S"] = SWEEP_S
    vars(bot.replicas)["PACE"] = PACE
    vars(bot.slack)["ORPHANED"] = timedelta(seconds=ORPHANED_S)
    load_plans = vars(bot.wiring)["load_plans"]
    vars(bot.wiring)["load_plans"] = lambda _shipped, own: load_plans(
        own
    )  # reading them takes longer than a trial's start
    # Practice hosts share one kernel and so one boot id; each has a file in its place, which changes as they "boot".
    preamble = executors.link._PREAMBLE.replace(b"/proc/sys/kernel/random/boot_id", b'"$HOME/boot_id"')
    vars(executors.link)["_PREAMBLE"] = preamble


async def _judge(spec: Spec) -> None:
    """Read everything from the database anew and leave it as JSON."""
    store = await Store.open(settings_of(spec).url, readonly=True)
    try:
        async with store.look() as tx:
            runs = [await _facts(tx, run.id) for run in await tx.runs(limit=1_000)]
            head = await tx.verify_audit()
        (spec.folder / "facts.json").write_text(json.dumps({"runs": runs, "audit": head.n}))
    finally:
        await store.close()


async def _facts(tx: Any, run_id: str) -> dict[str, Any]:
    state, claim, run = await tx.state(run_id), await tx.claim_of(run_id), await tx.run(run_id)
    entries = await tx.entries(run_id)
    lock = await tx.lock_of(run.target)
    return {
        "id": run_id,
        "status": state.status,
        "reason": state.reason,
        "units": {key: str(unit.status) for key, unit in state.units.items()},
        "entries": [f"{entry.kind} {entry.unit}".strip() for entry in entries],
        "outputs": [
            {"unit": o.unit, "verb": o.verb, "attempt": o.attempt, "exit": o.exit_code, "output": to_data(o.output)}
            for o in await tx.outputs(run_id)
        ],
        "claimed": claim is not None,
        "locked": lock is not None and lock.run_id == run_id,
    }
