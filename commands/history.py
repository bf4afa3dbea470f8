"""`/rollback history [TARGET]`: the last runs, newest first."""

from commands.base import Command, Reply, Request
from commands.choose import the_target
from commands.say import run_line
from commands.text import fit
from core.ports import Service

LAST = 15


async def handle(request: Request, service: Service) -> Reply:
    target = (await the_target(request.words[0], service)).id if request.words else ""
    views = await service.runs(target=target, limit=LAST)
    if not views:
        return Reply(text=f"No run{f' of {target}' if target else ''} yet.")
    lines = [run_line(view, request.at) for view in views]
    return Reply(text=fit([*lines, "`/rollback report RUN` gives the whole story of one."]))


COMMAND = Command(
    name="history",
    usage="history [TARGET]",
    summary="List the last runs, newest first.",
    handle=handle,
    offline=True,
    group="Look",
    examples=("history", "history prod-east"),
)
