"""The engine: a driver for each run that needs one, and nothing that is not in the journal."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Mapping

from bot.driver import Driver
from bot.hands import Hands
from bot.looker import Looker
from bot.recorder import Recorder
from core.errors import FencedError, StoreUnavailableError, UnknownNameError
from core.ports import Clock
from core.state import NewerJournalError
from store.database import Store

log = logging.getLogger(__name__)

#: Lines of each running unit kept in memory for whoever asks what it prints just now.
LIVE_LINES = 20


class Engine:
    def __init__(self, store: Store, recorder: Recorder, hands: Hands, looker: Looker, clock: Clock) -> None:
        self._store = store
        self._recorder = recorder
        self._hands = hands
        self._looker = looker
        self._clock = clock
        self._drivers: dict[str, Driver] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.stalled: dict[str, str] = {}  #: runs that cannot be driven here -> why; shown by /readyz
        self._live: dict[str, dict[str, deque[str]]] = defaultdict(dict)

    async def start(self) -> None:
        """Take up every run that somebody has to drive."""
        async with self._store.look() as tx:
            driven = await tx.driven()
        log.info("taking up %d runs", len(driven))
        for run_id in driven:
            self.wake(run_id)

    def wake(self, run_id: str) -> None:
        """Drive *run_id*, or tell its driver that something happened."""
        if not self.tell(run_id) and run_id not in self._tasks:
            task = asyncio.create_task(self.drive(run_id), name=f"drive {run_id}")
            self._tasks[run_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(run_id, None))

    def tell(self, run_id: str) -> bool:
        """Tell the driver of *run_id* that something happened; False if it is not driven here."""
        driver = self._drivers.get(run_id)
        if driver is not None:
            driver.wake()
        return driver is not None

    async def close(self) -> None:
        """Stop driving. What runs on hosts goes on, and is collected after the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def live(self, run_id: str) -> Mapping[str, str]:
        """The last lines each running unit has printed."""
        return {unit: "\n".join(lines) for unit, lines in self._live.get(run_id, {}).items()}

    @property
    def driving(self) -> int:
        return len(self._drivers)

    async def drive(self, run_id: str) -> None:
        """Drive *run_id* until it has ended, another one drives it, or it cannot be driven here; see `stalled`."""
        driver = None
        try:
            async with self._store.begin() as tx:
                run = await tx.run(run_id)
                if not (await tx.state(run_id)).status.driven:
                    return
                epoch = await tx.raise_epoch(run_id)
            driver = Driver(
                run,
                epoch,
                store=self._store,
                recorder=self._recorder,
                hands=self._hands,
                looker=self._looker,
                clock=self._clock,
                tell=self._keep,
            )
            self._drivers[run_id] = driver
            self.stalled.pop(run_id, None)
            status = await driver.drive()
            log.info("%s ended: %s", run_id, status)
        except FencedError:
            log.warning("%s is driven by another process now; leaving it to that one", run_id)
        except StoreUnavailableError as error:
            log.warning("%s is not driven yet: %s", run_id, error)  # the sweep wakes it again
        except UnknownNameError as error:
            log.error("%s is gone from the database: %s", run_id, error)  # noqa: TRY400  # it says all there is; no bug
            self.stalled[run_id] = "the database has lost it (a failover, a restored backup?); look at what hosts did"
        except NewerJournalError as error:
            log.error("%s is left alone: %s", run_id, error)  # noqa: TRY400  # it says all there is; no bug
            self.stalled[run_id] = str(error)
        except Exception:
            # A bug. The run stands still, and somebody has to know.
            log.exception("%s cannot be driven; it stands still until Belay is restarted", run_id)
            self.stalled[run_id] = "see the log"
        finally:
            if driver is not None and self._drivers.get(run_id) is driver:  # not that of who came after it
                del self._drivers[run_id]
                self._live.pop(run_id, None)

    def _keep(self, run_id: str, unit: str, text: str) -> None:
        lines = self._live[run_id].setdefault(unit, deque(maxlen=LIVE_LINES))
        lines.extend(text.splitlines())
