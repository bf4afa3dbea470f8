"""`/rollback approve RUN [DIGEST]`: record one person's approval."""

import re

from commands.base import Command, Reply, Request
from commands.choose import no_more_words, the_run
from commands.say import next_line
from commands.text import count, plain
from core.ports import Service
from core.run import RunView
from core.run_states import RunStatus

USAGE = "approve RUN [DIGEST]"
#: What people compare by eye: at least 8 characters of the plan's digest.
_DIGEST = re.compile(r"[0-9a-f]{8,64}")


async def handle(request: Request, service: Service) -> Reply:
    view, rest = await the_run(request, service)
    digest = rest[0].lower() if rest else ""
    no_more_words(rest[1:] if _DIGEST.fullmatch(digest) else rest, USAGE)
    after = await service.approve(view.run.id, request.actor, digest=digest)
    return Reply(text=_words(after, plain(request.actor.person.name, 60)), public=True)


def _words(view: RunView, who: str) -> str:
    run = view.run.id
    if view.state.status is RunStatus.WAITING and view.tally.missing:
        expires = view.run.subject.expires_at
        return f"{who} approved {run}. {count(view.tally.missing, 'more approval')} needed before {expires:%H:%M} UTC."
    return f"{who} approved {run}. {next_line(view)}"


COMMAND = Command(
    name="approve",
    usage=USAGE,
    summary="Approve a run that waits for its quorum; the digest proves which plan you read.",
    handle=handle,
    max_words=2,
    group="Decide",
    examples=("approve R-17", "approve R-17 3f9c12ab"),
)
