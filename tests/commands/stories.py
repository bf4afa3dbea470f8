"""Runs brought to a certain point, for command tests."""

from core.codec import to_data
from core.journal import Kind
from core.ports import StartRequest
from core.state import Ask
from core.wishes import Draft
from tests.fakes import FakeService, actor


async def waiting(
    service: FakeService, *, target: str = "prod-east", reason: str = "API 500s", incident: str = ""
) -> str:
    """Ana asked; nobody has approved."""
    request = StartRequest(target=target, typed=target, reason=reason, incident=incident)
    return (await service.start(request, actor("ana"))).run.id


async def running(service: FakeService, *, reason: str = "API 500s", incident: str = "") -> str:
    """Bo and Cy approved; the run has begun and stops the API."""
    run_id = await waiting(service, reason=reason, incident=incident)
    await service.approve(run_id, actor("bo"))
    await service.approve(run_id, actor("cy"))
    service.play(run_id, Draft(kind=Kind.BEGUN))
    service.clock.go_on(5)
    service.play(run_id, *(started(f"stop-api@controller-{i}") for i in (1, 2, 3)))
    return run_id


def started(unit: str) -> Draft:
    return Draft(kind=Kind.STARTED, unit=unit, data={"attempt": 1})


async def failed(service: FakeService, *, reason: str = "API 500s", incident: str = "") -> str:
    """One of three failed, one is unknown; a person is asked."""
    run_id = await running(service, reason=reason, incident=incident)
    service.clock.go_on(20)
    failure = Draft(kind=Kind.UNIT_FAILED, unit="stop-api@controller-1", data={"reason": "exit 1: still *active*"})
    lost = Draft(kind=Kind.LOST, unit="stop-api@controller-2", data={"reason": "the host rebooted"})
    ask = Ask(
        reason="'stop-api@controller-1' failed (and 1 more): exit 1",
        units=("stop-api@controller-1", "stop-api@controller-2"),
        choices=("retry", "skip", "settle", "abort"),
        step="stop-api",
    )
    done = Draft(kind=Kind.DONE, unit="stop-api@controller-3")
    service.play(run_id, failure, lost, done, Draft(kind=Kind.ASKED, data=to_data(ask)))
    return run_id


async def restoring(service: FakeService) -> str:
    """The destructive step has begun: from here only forward."""
    run_id = await running(service)
    service.clock.go_on(20)
    service.play(run_id, *(Draft(kind=Kind.DONE, unit=f"stop-api@controller-{i}") for i in (1, 2, 3)))
    service.play(run_id, started("restore-db@controller-1"))
    return run_id
