"""`/rollback resume RUN`: let a paused run go on, or confirm the step that wants a phrase."""

from commands.base import Command, Option, Reply, Request
from commands.choose import no_more_words, the_run
from commands.text import plain
from core.ports import Service

USAGE = 'resume RUN [--confirm "PHRASE"]'


async def handle(request: Request, service: Service) -> Reply:
    view, rest = await the_run(request, service)
    no_more_words(rest, USAGE)
    await service.resume(view.run.id, request.actor, request.options.get("confirm", ""))
    who, did = plain(request.actor.person.name, 60), "confirmed" if "confirm" in request.options else "resumed"
    text = f"{who} {did} {view.run.id}. The points of no return are looked at again, then it goes on."
    return Reply(text=text, public=True)


COMMAND = Command(
    name="resume",
    usage=USAGE,
    summary="Let a paused run go on; confirm a step that wants a typed phrase.",
    handle=handle,
    options=(Option(name="confirm", what="the phrase the step asks for", value='"PHRASE"'),),
    group="Steer",
    examples=("resume R-17", 'resume R-17 --confirm "restore galera"'),
)
