"""`/rollback deny RUN`: one person's "no" ends a waiting run."""

from commands.base import Command, Option, Reply, Request
from commands.choose import no_more_words, the_run
from commands.text import plain
from core.ports import Service

USAGE = 'deny RUN [--reason "…"]'


async def handle(request: Request, service: Service) -> Reply:
    view, rest = await the_run(request, service)
    no_more_words(rest, USAGE)
    reason = request.options.get("reason", "")
    await service.deny(view.run.id, request.actor, reason)
    why = f": {plain(reason)}" if reason else ""
    who = plain(request.actor.person.name, 60)
    text = f"{who} vetoed {view.run.id}{why}. Nothing ran; a new request needs a new `/rollback start`."
    return Reply(text=text, public=True)


COMMAND = Command(
    name="deny",
    usage=USAGE,
    summary="Veto a run that waits for its quorum; one veto is enough.",
    handle=handle,
    options=(Option(name="reason", what="why, for the record", value='"…"'),),
    group="Decide",
    examples=('deny R-17 --reason "the vendor ships a fix at noon"',),
)
