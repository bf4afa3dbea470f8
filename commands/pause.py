"""`/rollback pause RUN`: let what runs go on to its end, start nothing new."""

from commands.base import Command, Option, Reply, Request
from commands.choose import no_more_words, the_run
from commands.text import plain
from core.ports import Service

USAGE = 'pause RUN [--reason "…"]'


async def handle(request: Request, service: Service) -> Reply:
    view, rest = await the_run(request, service)
    no_more_words(rest, USAGE)
    reason = request.options.get("reason", "")
    await service.pause(view.run.id, request.actor, reason)
    run, who = view.run.id, plain(request.actor.person.name, 60)
    why = f": {plain(reason)}" if reason else ""
    text = (
        f"{who} paused {run}{why}. What runs on hosts goes on to its end, nothing new starts. "
        f"`/rollback resume {run}` lets it go on."
    )
    return Reply(text=text, public=True)


COMMAND = Command(
    name="pause",
    usage=USAGE,
    summary="Start nothing new; what runs goes on to its end.",
    handle=handle,
    options=(Option(name="reason", what="why, for the record", value='"…"'),),
    group="Steer",
    examples=("pause R-17",),
)
