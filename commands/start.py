"""`/rollback start TARGET --to PLAN --reason "…" --confirm TARGET`: ask for a rollback; the quorum starts it."""

from commands.asking import ACCEPT, MAX_WORDS, TO, full_line, read_request
from commands.base import Command, Option, Reply, Request
from commands.grammar import shown
from commands.say import headline, next_line, verdict_lines
from commands.text import fit, plain
from core.digest import short
from core.errors import RefusedError
from core.ports import Service, StartRequest

USAGE = (
    'start TARGET [NAME=VALUE …] --to PLAN --reason "…" --confirm TARGET [--incident ID] [--accept-unknown POINT="WHY"]'
)
HOW = 'In one line: `/rollback start TARGET --to PLAN --reason "…" --confirm TARGET`; `/rollback targets` lists them.'


async def handle(request: Request, service: Service) -> Reply:
    if not request.words and not request.options:
        return Reply(text=HOW, form="start")
    asked = await read_request(request, service, USAGE)
    check_complete(asked)
    view = await service.start(asked, request.actor)
    lines = [
        f"{headline(view)} · plan `{short(view.run.digest)}`",
        f"Asked for {plain(view.run.incident, 60) + ': ' if view.run.incident else ''}{plain(view.run.reason)}",
        *(verdict_lines(view.state.findings, view.run.accepted) if view.state.findings else []),
        next_line(view),
    ]
    # Private: what the channel sees of it is the board.
    return Reply(text=fit(lines))


def check_complete(asked: StartRequest) -> None:
    """
    Raises:
        RefusedError: the reason or the typed confirmation is missing or wrong; the text has the line to type.
    """
    reason = asked.reason or "why"
    line = full_line("start", asked, reason=reason, confirm=asked.target)
    if not asked.reason:
        raise RefusedError(f"a reason is missing; approvers read it. Type: {line}")
    if not asked.typed:
        raise RefusedError(f"to confirm, type the target's name once more. The whole line: {line}")
    if asked.typed != asked.target:
        raise RefusedError(
            f"the confirmation should be the target's name '{asked.target}', is {shown(asked.typed)}; nothing started"
        )


COMMAND = Command(
    name="start",
    usage=USAGE,
    summary="Ask for a rollback; it starts once enough other people approve.",
    handle=handle,
    options=(
        TO,
        Option(name="reason", what="why; approvers read it", value='"…"'),
        Option(name="confirm", what="the target's name, typed again", value="TARGET"),
        Option(name="incident", what="the incident's number", value="ID"),
        ACCEPT,
    ),
    max_words=MAX_WORDS,
    group="Ask",
    examples=(
        "start",
        'start prod-east --to newton --reason "nova API 500s since the upgrade" --incident INC-482 --confirm prod-east',
    ),
)
