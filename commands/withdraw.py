"""`/rollback withdraw RUN`: take a request back before anything ran."""

from commands.base import Command, Option, Reply, Request
from commands.choose import no_more_words, the_run
from commands.text import plain
from core.ports import Service

USAGE = 'withdraw RUN [--reason "…"]'


async def handle(request: Request, service: Service) -> Reply:
    view, rest = await the_run(request, service)
    no_more_words(rest, USAGE)
    reason = request.options.get("reason", "")
    await service.withdraw(view.run.id, request.actor, reason)
    why = f": {plain(reason)}" if reason else ""
    who = plain(request.actor.person.name, 60)
    text = f"{who} took {view.run.id} back{why}. Nothing ran; {plain(view.run.target, 64)} is free for another request."
    return Reply(text=text, public=True)


COMMAND = Command(
    name="withdraw",
    usage=USAGE,
    summary="Take your request back while it waits for approvals.",
    handle=handle,
    options=(Option(name="reason", what="why, for the record", value='"…"'),),
    group="Ask",
    examples=("withdraw R-17",),
)
