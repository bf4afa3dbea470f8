"""`/rollback retry RUN [UNIT …]`: another attempt for what failed; an unknown unit's host is asked once more."""

from commands.base import Command, Reply, Request
from commands.choose import the_run
from commands.text import plain, some
from core.ports import Service

USAGE = "retry RUN [UNIT …]"


async def handle(request: Request, service: Service) -> Reply:
    view, units = await the_run(request, service)
    await service.retry(view.run.id, request.actor, units)
    chosen = units or (view.state.ask.units if view.state.ask else ())
    what = plain(some(chosen, 5), 300) or "the question"
    text = f"{plain(request.actor.person.name, 60)} retries {what} of {view.run.id}. The board follows it."
    return Reply(text=text, public=True)


COMMAND = Command(
    name="retry",
    usage=USAGE,
    summary="Try again what failed, all of it or the units named.",
    handle=handle,
    max_words=201,
    group="Steer",
    examples=("retry R-17", "retry R-17 stop-api@controller-2"),
)
