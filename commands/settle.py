"""`/rollback settle RUN UNIT OUTCOME --reason "…"`: a person who looked at the host says how a unit ended."""

from commands.base import Command, Option, Reply, Request
from commands.choose import no_more_words, the_run
from commands.text import code, plain
from core.errors import RefusedError
from core.names import pick
from core.ports import Service
from core.wishes import SETTLE_WORDS

USAGE = 'settle RUN UNIT done|failed|undone --reason "what you saw"'


async def handle(request: Request, service: Service) -> Reply:
    view, rest = await the_run(request, service)
    if len(rest) < 2:
        raise RefusedError(f"a unit and how it ended are needed. usage: {USAGE}")
    no_more_words(rest[2:], USAGE)
    unit, outcome = rest[0], pick("outcome", rest[1].lower(), SETTLE_WORDS)
    reason = request.options.get("reason", "")
    await service.settle(view.run.id, request.actor, unit, outcome, reason=reason)
    who = plain(request.actor.person.name, 60)
    text = (
        f"{who} settled {code(unit, 100)} of {view.run.id} as *{outcome}*: {plain(reason)}. "
        "The run goes on once nothing else is asked."
    )
    return Reply(text=text, public=True)


COMMAND = Command(
    name="settle",
    usage=USAGE,
    summary="Say how a unit of unknown outcome ended, after looking at the host.",
    handle=handle,
    options=(Option(name="reason", what="what you saw on the host", value='"…"'),),
    max_words=3,
    group="Steer",
    examples=('settle R-17 restore-db@controller-1 done --reason "mysql answers, checksum matches"',),
)
