"""
Several replicas on one PostgreSQL. Only this module and its parts (`bot/replicas_*.py`) know procrastinate.

Each run that somebody has to drive is a job, and so is writing in the chat. A job is done by one replica; when that
one dies, freezes or loses the database its heartbeats stop, and another one takes the job over. Jobs are hints, never
the truth: who may act for a run is decided by its epoch, and a job that got lost is made anew by the sweep.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from procrastinate import App, JobContext
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job, Status

from bot.engine import Engine
from bot.replica_seat import Seat
from bot.replicas_jobs import PACE, QUEUES, Jobs, Pace, connect, why
from bot.replicas_schema import prepare
from core.errors import BelayError, StoreUnavailableError
from core.state import NewerJournalError
from store.database import Store

log = logging.getLogger(__name__)

#: More than runs that are ever driven at once: none waits for another one's end.
MOST_JOBS = 1_000
#: The job of writing in the chat.
CHAT = "chat"
#: What replicas call to one another: this run was given something to do; this run has changed.
WAKE, CHANGED = "belay_wake", "belay_changed"


class Replicas:
    """One replica. Implements `bot.judging.Waker`."""

    def __init__(self, url: str, *, store: Store, engine: Engine, seat: Seat, pace: Pace | None = None) -> None:
        self._store = store
        self._engine = engine
        self._pace = pace or PACE
        self._seat = seat
        connector = connect(url)
        self._app = App(connector=connector)
        self._jobs = Jobs(connector, seat, pace=self._pace)
        self._app.job_manager = self._jobs
        self._drive = self._app.task(name="drive", pass_context=True)(self._on_drive)
        self._write = self._app.task(name="write", pass_context=True)(self._on_write)
        self._held: dict[int, Job] = {}  #: jobs taken and not done
        self._calls: set[tuple[str, str]] = set()  #: channel and run, not sent yet
        self._called = asyncio.Event()
        self._writes_until_s = 0.0
        self._unreadable: list[str] = []
        self._looked_s = 0.0
        self._troubles = {"jobs": "it has not started"}
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        #: Called with a run that changed in another replica, and with "" when this one begins to write.
        self.listeners: list[Callable[[str], None]] = []

    # -- life --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """
        Take part in the work.

        Raises:
            StoreUnavailableError: the database does not answer, or its user may not create tables.
        """
        try:
            await self._app.open_async()
            await prepare(self._app)
            await self._take_over(self._seat.take())
        except ConnectorException as error:
            self._seat.leave(nothing_left=False)
            await self._app.close_async()
            raise StoreUnavailableError(f"the queue of jobs cannot be opened: {why(error)}") from error
        loops = {"jobs": self._work, "ears": self._listen, "rounds": self._tend, "calls": self._call}
        self._tasks = [asyncio.create_task(self._kept(name, loop), name=name) for name, loop in loops.items()]

    async def close(self) -> None:
        """Hand over everything at once. The chat's writer has to have ended before. Asked again: nothing happens."""
        if self._closing:
            return
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        handed_over = False
        try:
            async with asyncio.timeout(self._pace.close_s):
                await self._give_back(wait_s=0)
            handed_over = True
        except (ConnectorException, TimeoutError) as error:
            log.warning("nothing is handed over, the others will notice: %s", error)
        self._seat.leave(nothing_left=handed_over)
        await self._app.close_async()

    async def _kept(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """
        Again and again, however often the database goes away.

        A loop that is cancelled while it is away raises that, and no CancelledError: procrastinate's worker cannot
        sign off then.
        """
        while not self._closing:
            try:
                await loop()
            except (ConnectorException, BelayError) as error:
                self._troubles[name] = why(error)
                log.warning("the %s rest %g s: %s", name, self._pace.again_s, why(error))
            except Exception:
                log.exception("the %s broke; it begins again in %g s", name, self._pace.again_s)
            await asyncio.sleep(self._pace.again_s)

    # -- what others ask of it ---------------------------------------------------------------------------------

    def wake(self, run_id: str) -> None:
        """Have *run_id* driven by somebody, or tell its driver, wherever it is. Never blocks."""
        if not self._engine.tell(run_id):
            self._shout(WAKE, run_id)

    def changed(self, run_id: str) -> None:
        """Tell the others that *run_id* has changed here. Never blocks."""
        self._shout(CHANGED, run_id)

    def may_write(self) -> bool:
        """
        Whether this replica is the one that writes in the chat. Ask right before each call.

        One that was frozen and wakes up gets False without asking anybody: its lease ran out on its own clock.
        """
        return time.monotonic() < self._writes_until_s

    def name(self) -> str:
        """Nobody alive has the same; who had it before is dead for certain. Final once this has started."""
        return self._seat.name

    def problems(self) -> list[str]:
        """What keeps this replica from doing its share, for /readyz."""
        newer = [f"{run} was written by a newer Belay; upgrade this replica" for run in self._unreadable]
        return newer + [f"the {name} of this replica rest: {why}" for name, why in self._troubles.items()]

    def health(self) -> dict[str, object]:
        """For /readyz."""
        return {"writes": self.may_write(), "drives": self._engine.driving}

    def _shout(self, channel: str, run_id: str) -> None:
        self._calls.add((channel, run_id))
        self._called.set()

    # -- jobs --------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Take jobs until the database is lost. What was in hand is then given back, for whoever has it."""
        try:
            await self._give_back(wait_s=self._pace.lease_s)
            self._troubles.pop("jobs", None)
            await self._app.run_worker_async(
                queues=QUEUES,
                concurrency=MOST_JOBS,
                delete_jobs="always",
                install_signal_handlers=False,
                shutdown_graceful_timeout=0,
                fetch_job_polling_interval=2 * self._pace.look_s,
                abort_job_polling_interval=3_600,  # jobs are never asked to abort; runs are
                update_heartbeat_interval=self._pace.beat_s,
                stalled_worker_timeout=5 * self._pace.dead_after_s,
            )
        finally:
            self._writes_until_s = 0.0
        self._troubles["jobs"] = "they ended and begin again"

    async def _on_drive(self, context: JobContext, run_id: str) -> None:
        async with self._in_hand(context.job):
            await self._engine.drive(run_id)

    async def _on_write(self, context: JobContext, wait_s: float) -> None:
        """Be the writer for as long as this very job is ours: who replaces us deletes it first."""
        async with self._in_hand(context.job):
            await asyncio.sleep(wait_s)
            while not self._unreadable:
                asked_s = time.monotonic()
                if not await self._jobs.list_jobs_async(id=context.job.id, status=Status.DOING.value):
                    break
                begins = not self.may_write()
                self._writes_until_s = asked_s + self._pace.lease_s
                if begins:
                    log.info("this replica writes in the chat now")
                    self._tell_listeners("")
                await asyncio.sleep(self._pace.lease_s / 4)
            self._writes_until_s = 0.0

    @asynccontextmanager
    async def _in_hand(self, job: Job) -> AsyncIterator[None]:
        """Remember *job* until it is done. One that is cancelled is not: it stays, to be given back."""
        key = job.id or 0
        self._held[key] = job
        try:
            yield
        except Exception:
            del self._held[key]
            raise
        del self._held[key]

    async def _give_back(self, *, wait_s: float) -> None:
        for key, job in list(self._held.items()):
            await self._again(job, wait_s=wait_s)
            del self._held[key]

    async def _take_over(self, predecessor: int | None) -> None:
        """Give on at once what *predecessor*, a worker that is dead for certain, had in hand."""
        if predecessor is None:
            return
        left = await self._jobs.list_jobs_async(worker_id=predecessor, status=Status.DOING.value)
        for job in left:
            log.warning("this replica was killed while it had %s %s; it goes on", job.task_name, job.task_kwargs)
            await self._again(job, wait_s=self._pace.lease_s)

    async def _again(self, job: Job, *, wait_s: float) -> None:
        """
        Make *job* anew for whoever takes it.

        It is not retried: procrastinate ends a job by its number, whoever asks. A replica that wakes up and ends what
        it had would end its successor's, were the number the same.
        """
        await self._jobs.finish_job(job, Status.ABORTED, delete_job=True)
        if job.task_name == self._write.name:
            await self._have_writer(wait_s=wait_s)
        else:
            await self._have_driver(str(job.task_kwargs["run_id"]), lock=job.lock or "", queue=job.queue)

    async def _have_driver(self, run_id: str, *, lock: str, queue: str) -> None:
        """See to it that there is a job for *run_id*: `lock` keeps it to one a target, `queueing_lock` to one a run."""
        if await self._jobs.stands(run_id):
            return
        with suppress(AlreadyEnqueued):
            await self._drive.configure(queue=queue, lock=lock, queueing_lock=run_id).defer_async(run_id=run_id)

    async def _have_writer(self, *, wait_s: float) -> None:
        if await self._jobs.stands(CHAT):
            return
        with suppress(AlreadyEnqueued):
            await self._write.configure(queue=QUEUES[-1], lock=CHAT, queueing_lock=CHAT).defer_async(wait_s=wait_s)

    # -- the others --------------------------------------------------------------------------------------------

    async def _tend(self) -> None:
        """Look for jobs whose replica gives no sign of life, and for a chat that nobody writes in."""
        while True:
            stalled = await self._jobs.get_stalled_jobs(seconds_since_heartbeat=self._pace.dead_after_s)
            for job in stalled:
                log.warning("the replica that had %s %s is gone; it is taken over", job.task_name, job.task_kwargs)
                await self._again(job, wait_s=self._pace.lease_s)
            if time.monotonic() - self._looked_s > self._pace.newer_s:
                async with self._store.look() as tx:
                    self._unreadable = await tx.unreadable()
                self._looked_s = time.monotonic()
            if not self._unreadable:
                await self._have_writer(wait_s=self._pace.lease_s)
            for name in ("ears", "rounds", "calls"):  # the database answers; one of them that fails says so again
                self._troubles.pop(name, None)
            await asyncio.sleep(self._pace.look_s)

    async def _call(self) -> None:
        """Send what was shouted: to the listeners of all replicas, and as a job if nobody drives the run."""
        while True:
            self._called.clear()
            while self._calls:
                channel, run_id = call = next(iter(self._calls))
                await self._app.connector.execute_query_async(
                    "SELECT pg_notify(%(channel)s, %(payload)s)", channel=channel, payload=json.dumps(run_id)
                )
                if channel == WAKE:
                    await self._see_to(run_id)
                self._calls.discard(call)
            await self._called.wait()

    async def _see_to(self, run_id: str) -> None:
        try:
            async with self._store.look() as tx:
                if not (await tx.state(run_id)).status.driven:
                    return
                target = (await tx.run(run_id)).target
        except NewerJournalError as error:
            log.warning("%s is left to newer replicas: %s", run_id, error)
            return
        await self._have_driver(run_id, lock=f"target {target}", queue=QUEUES[-1])

    async def _listen(self) -> None:
        await self._app.connector.listen_notify(on_notification=self._on_call, channels=[WAKE, CHANGED])

    async def _on_call(self, *, channel: str, payload: str) -> None:
        run_id = str(json.loads(payload))
        if channel == WAKE:
            self._engine.tell(run_id)
        self._tell_listeners(run_id)

    def _tell_listeners(self, run_id: str) -> None:
        for listener in self.listeners:
            listener(run_id)
