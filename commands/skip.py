"""`/rollback skip RUN [UNIT …] --reason "…"`: go on without what failed."""

from commands.base import Command, Option, Reply, Request
from commands.choose import the_run
from commands.text import plain, some
from core.ports import Service
from core.run import RunView
from core.unit_states import UnitStatus

USAGE = 'skip RUN [UNIT …] --reason "…"'


async def handle(request: Request, service: Service) -> Reply:
    view, units = await the_run(request, service)
    reason = request.options.get("reason", "")
    after = await service.skip(view.run.id, request.actor, units, reason=reason)
    if after.state.stopped is not None and view.state.stopped is None:
        return Reply(text=_stops(request, after, reason), public=True)
    asked = units or (view.state.ask.units if view.state.ask else ())
    skipped = [key for key in asked if after.state.unit(key).status is UnitStatus.SKIPPED]
    what = plain(some(skipped, 5), 300) or "what was asked about"
    who = plain(request.actor.person.name, 60)
    text = (
        f"{who} skips {what} of {view.run.id}: {plain(reason)}. The run goes on without it once nothing else is asked."
    )
    return Reply(text=text, public=True)


def _stops(request: Request, after: RunView, reason: str) -> str:
    step = after.run.plan.step(after.state.stopped.step if after.state.stopped else "")
    who = plain(request.actor.person.name, 60)
    return (
        f"{who} stops {after.run.id} before *{plain(step.title, 100)}*: {plain(reason)}. "
        f"It and all later steps are passed over; the validations run. {plain(step.abort_point, 300)}"
    )


COMMAND = Command(
    name="skip",
    usage=USAGE,
    summary="Go on without what failed, or stop at an abort point, with the reason on the record.",
    handle=handle,
    options=(Option(name="reason", what="why it is safe to go on without it", value='"…"'),),
    max_words=201,
    group="Steer",
    examples=('skip R-17 warm-cache@controller-2 --reason "the cache fills by itself"',),
)
