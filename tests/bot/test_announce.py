"""Which messages a run causes: one a step, a failure, a decision, an end; the same entries cause the same ones."""

from collections.abc import Iterable

import pytest

from bot.announce import announcements
from bot.views_thread import render
from core.codec import to_data
from core.journal import Kind
from core.ports import StartRequest
from core.run_states import RunStatus
from core.state import replay
from core.wishes import Draft
from store.records import Outgoing
from tests.bot.views_making import check_message
from tests.fakes import FakeService, actor

ASKED = StartRequest(target="prod-east", plan="nova-newton", reason="500s", typed="prod-east")
HOSTS = ("controller-1", "controller-2", "controller-3")


class Story:
    """A run in memory, told by its entries; `told` is what was announced for them."""

    def __init__(self) -> None:
        self.service = FakeService()
        self.told: list[Outgoing] = []

    async def waiting(self) -> "Story":
        await self.service.start(ASKED, actor("ana"))
        return self

    async def running(self) -> "Story":
        await self.waiting()
        for name in ("bo", "cy"):
            before = len(self.journal)
            await self.service.approve("R-17", actor(name))
            self._tell(before)
        return self.play(Draft(kind=Kind.BEGUN))

    @property
    def journal(self) -> list:  # type: ignore[type-arg]  # of entries
        return self.service.journals["R-17"]

    def play(self, *drafts: Draft, by: str = "") -> "Story":
        """Append together, as one transaction does, and keep what is told of it."""
        before = len(self.journal)
        self.service.play("R-17", *drafts, by=by)
        self._tell(before)
        return self

    def step(self, step: str, *kinds: Kind) -> "Story":
        for host in HOSTS:
            self.service.clock.go_on(2)
            for kind in kinds:
                self.play(Draft(kind=kind, unit=f"{step}@{host}"))
        return self

    def _tell(self, before: int) -> None:
        run, entries = self.service.asked["R-17"], self.journal
        self.told += announcements(run, replay(entries[:before]), replay(entries), entries[before:])

    def what(self) -> list[str]:
        return [str(message.payload.get("what", message.kind)) for message in self.told]

    def last(self, what: str) -> Outgoing:
        return next(message for message in reversed(self.told) if message.payload.get("what") == what)


def failed(unit: str, reason: str = "exit 3") -> Draft:
    return Draft(kind=Kind.UNIT_FAILED, unit=unit, data={"reason": reason})


def asked(*units: str) -> Draft:
    return Draft(kind=Kind.ASKED, data={"reason": "it failed", "units": list(units), "choices": ["retry", "skip"]})


def started(hosts: Iterable[str] = HOSTS) -> list[Draft]:
    return [Draft(kind=Kind.STARTED, unit=f"stop-api@{host}", data={"attempt": 1}) for host in hosts]


async def test_approvals_tell_nothing_and_the_claim_does() -> None:
    story = await Story().running()

    assert story.what() == ["claimed"]
    assert story.told[0].payload["people"] == ["bo", "cy"]


async def test_one_message_a_step_with_its_times_and_hosts() -> None:
    story = await Story().running()

    story.step("stop-api", Kind.STARTED, Kind.DONE)

    assert story.what() == ["claimed", "step_done"]
    told = story.last("step_done").payload
    assert told["units"] == 3
    assert told["counts"] == {"done": 3}
    assert told["hosts"] == list(HOSTS)
    assert told["took_s"] == 4.0


async def test_one_message_a_failure_and_a_loud_one_for_the_person_who_is_needed() -> None:
    story = await Story().running()
    story.play(*started())

    story.play(failed("stop-api@controller-1"))
    story.play(failed("stop-api@controller-2"))
    story.play(Draft(kind=Kind.DONE, unit="stop-api@controller-3"))
    story.play(asked("stop-api@controller-1", "stop-api@controller-2"))

    assert story.what() == ["claimed", "unit_failed", "person_needed"]
    assert story.last("person_needed").payload["broadcast"] is True
    assert story.last("unit_failed").payload["broadcast"] is False
    assert story.last("unit_failed").payload["attempt"] == 1


async def test_a_lost_outcome_is_not_called_a_failure() -> None:
    story = await Story().running()
    story.play(*started())

    story.play(Draft(kind=Kind.LOST, unit="stop-api@controller-1", data={"reason": "the host rebooted"}))

    told = story.last("unit_failed")
    assert told.payload["seen"] is False
    text = render(told.payload, story.service.view("R-17"), (), "T1", story.service.clock.now()).text
    assert "*unknown*" in text
    assert "failed" not in text


async def test_a_decision_about_many_units_is_one_message_and_going_on_is_part_of_it() -> None:
    story = await Story().running()
    story.play(*started(), failed("stop-api@controller-1"), failed("stop-api@controller-2"))
    story.play(asked("stop-api@controller-1", "stop-api@controller-2"))

    story.play(
        *(Draft(kind=Kind.SKIPPED, unit=f"stop-api@controller-{i}", data={"reason": "off"}) for i in (1, 2)),
        Draft(kind=Kind.RESUMED),
        by="dee",
    )

    assert story.what()[-1] == "decision"
    told = story.last("decision").payload
    assert (told["decision"], told["by"], told["reason"]) == ("skipped", "dee", "off")
    assert told["units"] == ["stop-api@controller-1", "stop-api@controller-2"]
    assert story.what().count("decision") == 1


@pytest.mark.parametrize("kind", [Kind.PAUSED, Kind.ABORTED])
async def test_who_steered_the_run_is_told(kind: Kind) -> None:
    story = await Story().running()

    story.play(Draft(kind=kind, data={"reason": "wait for Cy"}), by="bo")

    told = story.last("decision").payload
    assert (told["decision"], told["by"], told["reason"]) == (kind.value, "bo", "wait for Cy")


async def test_undoing_tells_each_step_once_it_is_undone() -> None:
    story = await Story().running()
    story.step("stop-api", Kind.STARTED, Kind.DONE).play(Draft(kind=Kind.ABORTED), by="bo")

    story.step("stop-api", Kind.UNDO_STARTED, Kind.UNDONE).play(Draft(kind=Kind.UNWOUND))

    assert story.what() == ["claimed", "step_done", "decision", "step_undone", "ended", "file"]


@pytest.mark.parametrize(
    ("kind", "status", "loud"),
    [
        (Kind.REFUSED, RunStatus.REFUSED, True),
        (Kind.VETOED, RunStatus.VETOED, False),
        (Kind.EXPIRED, RunStatus.EXPIRED, False),
        (Kind.WITHDRAWN, RunStatus.WITHDRAWN, False),
    ],
)
async def test_what_never_ran_has_an_end_and_no_report(kind: Kind, status: RunStatus, loud: bool) -> None:
    story = await Story().waiting()

    story.play(Draft(kind=kind, data={"reason": "compute-2: converted"}), by="bo")

    assert story.what() == ["ended"]
    told = story.last("ended").payload
    assert (told["status"], told["reason"], told["person"]) == (status.value, "compute-2: converted", "ana")
    assert told["broadcast"] is loud


async def test_an_approval_that_is_dropped_says_why_and_one_taken_back_says_nothing() -> None:
    story = await Story().waiting()
    await story.service.approve("R-17", actor("bo"))

    story.play(Draft(kind=Kind.APPROVAL_REMOVED, data={"person": "bo", "reason": "deactivated"}))
    story.play(Draft(kind=Kind.APPROVAL_REMOVED, data={"person": "bo"}), by="bo")

    assert story.what() == ["approval_dropped"]


async def test_the_same_entries_give_the_same_messages_under_the_same_keys() -> None:
    story = await Story().running()
    story.play(*started(), failed("stop-api@controller-1"), asked("stop-api@controller-1"))
    run, entries = story.service.asked["R-17"], story.journal

    def once() -> list[Outgoing]:
        return announcements(run, replay(entries[:-3]), replay(entries), entries[-3:])

    assert to_data(once()) == to_data(once())
    keys = [message.key for message in story.told]
    assert len(keys) == len(set(keys))
    assert all(key.startswith("R-17/") for key in keys)


async def test_every_message_can_be_shown() -> None:
    story = await Story().running()
    story.play(*started(), failed("stop-api@controller-1"), asked("stop-api@controller-1"))
    story.play(Draft(kind=Kind.RETRIED, unit="stop-api@controller-1"), Draft(kind=Kind.RESUMED), by="dee")
    story.play(Draft(kind=Kind.PAUSED, data={"reason": "x"}), by="bo")
    story.play(Draft(kind=Kind.FAILED, data={"reason": "left"}), by="bo")

    for message in story.told:
        if message.kind == "thread":
            shown = render(message.payload, story.service.view("R-17"), (), "T1", story.service.clock.now())
            check_message(shown.text, shown.blocks, mentions=1)
