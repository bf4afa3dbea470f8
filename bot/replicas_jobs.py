"""The jobs replicas share, kept by procrastinate, and the connections for them. Part of `bot.replicas`."""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback
from psycopg.errors import RaiseException

from bot.replica_seat import Seat
from core.journal import VERSION
from store.engines import libpq

log = logging.getLogger(__name__)

#: Every replica takes jobs that one of its own version or of an older one made: it can read those journals.
QUEUES = [f"belay.{version}" for version in range(1, VERSION + 1)]
#: Connections for jobs, beside two that listen and those of the store.
MOST_CONNECTIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds. From the death of a replica to its replacement: at most `dead_after_s` + `look_s`, and a little."""

    beat_s: float = 1.5
    dead_after_s: float = 6.0
    look_s: float = 1.0
    again_s: float = 1.0  #: after the database was away
    lease_s: float = 2.5  #: a writer that could not confirm that it is the one stops after this; its successor waits it
    newer_s: float = 5.0  #: between two looks for journals this version cannot read
    close_s: float = 5.0


PACE = Pace()


class Jobs(JobManager):
    """
    procrastinate's, but what fails while the database is away goes on when it is back.

    Its worker starts the heartbeat and the listener once and does not notice when they end: it would go on taking jobs
    without a heartbeat, and the others would take each away again.
    """

    def __init__(self, connector: PsycopgConnector, seat: Seat, *, pace: Pace) -> None:
        super().__init__(connector)
        self._seat = seat
        self._pace = pace
        #: Queueing lock -> a job that only newer replicas take, and when it was first seen.
        self._left_to_newer: dict[str, tuple[int | None, float]] = {}

    async def register_worker(self) -> int:
        worker = await super().register_worker()
        self._seat.note(worker)
        return worker

    async def update_heartbeat(self, worker_id: int) -> None:
        try:
            await super().update_heartbeat(worker_id)
        except ConnectorException as error:
            log.warning("no heartbeat: %s", why(error))

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        while True:
            try:
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            except ConnectorException as error:
                log.warning("new jobs are looked for and not heard of: %s", why(error))
            await asyncio.sleep(self._pace.again_s)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """End *job*; one that is gone is another replica's by now, or ended by it, and that is all right."""
        try:
            await super().finish_job(job, status, delete_job)
        except ConnectorException as error:
            if not isinstance(error.__cause__, RaiseException):
                raise
            log.info("%s %s is no longer this replica's", job.task_name, job.task_kwargs)

    async def stands(self, queueing_lock: str) -> bool:
        """
        Whether a job is there that somebody has or will take.

        One left to newer replicas is theirs for as long as it takes to be given up; if they are all gone, because the
        upgrade of Belay itself was taken back, it is dropped.
        """
        jobs = list(await self.list_jobs_async(queueing_lock=queueing_lock))
        newers = next((job for job in jobs if job.status == Status.TODO.value and job.queue not in QUEUES), None)
        if newers is None or len(jobs) > 1:
            self._left_to_newer.pop(queueing_lock, None)
            return bool(jobs)
        now_s = time.monotonic()
        seen, since_s = self._left_to_newer.get(queueing_lock, (None, now_s))
        if newers.id is None or seen != newers.id:
            self._left_to_newer[queueing_lock] = (newers.id, now_s)
            return True
        if now_s - since_s <= self._pace.dead_after_s:
            return True
        log.warning("no newer replica takes %s; it is given to any", queueing_lock)
        del self._left_to_newer[queueing_lock]
        return not await self.cancel_job_by_id_async(newers.id, delete_job=True)


def connect(url: str) -> PsycopgConnector:
    """Connections that notice within 15 s that the other end is gone, and give up what a frozen process holds."""
    limits = {"statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "5s"}
    return PsycopgConnector(
        conninfo=libpq(url),
        kwargs={
            "application_name": "belay jobs",
            "connect_timeout": 5,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,  # milliseconds
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        },
        min_size=1,
        max_size=MOST_CONNECTIONS,
        timeout=5,
    )


def why(error: BaseException) -> str:
    """The driver's first line, where there is one."""
    said = str(error.__cause__ or error).strip().splitlines()
    return said[0] if said else type(error).__name__
