"""`/rollback abort RUN`: undo what was done, or with `--leave` stop for good where it stands."""

from commands.base import Command, Option, Reply, Request
from commands.choose import no_more_words, the_run
from commands.text import plain, some
from core.ports import Service
from core.progress import what_is_left

USAGE = 'abort RUN [--reason "…"] [--leave]'


async def handle(request: Request, service: Service) -> Reply:
    view, rest = await the_run(request, service)
    no_more_words(rest, USAGE)
    reason, leave = request.options.get("reason", ""), "leave" in request.options
    after = await service.abort(view.run.id, request.actor, reason, leave=leave)
    run, who = view.run.id, plain(request.actor.person.name, 60)
    why = f": {plain(reason)}" if reason else ""
    if not leave:
        return Reply(text=f"{who} aborted {run}{why}. What was done is being undone, last step first.", public=True)
    left = plain(some(what_is_left(after.run.plan, after.state), 5), 400) or "nothing"
    text = f"{who} ended {run} where it stood{why}. Left as it is: {left}. `/rollback report {run}` has the list."
    return Reply(text=text, public=True)


COMMAND = Command(
    name="abort",
    usage=USAGE,
    summary="Undo what was done, while nothing destructive ran; --leave stops where it stands.",
    handle=handle,
    options=(
        Option(name="reason", what="why, for the record; --leave needs it", value='"…"'),
        Option(name="leave", what="undo nothing: leave the target as it is, for good", takes_value=False),
    ),
    group="Steer",
    examples=('abort R-17 --reason "fixing forward after all"', 'abort R-17 --leave --reason "vendor takes over"'),
)
