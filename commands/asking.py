"""What `preview` and `start` share: the options of a request, and its reading."""

from collections.abc import Mapping

from commands.base import Option, Request
from commands.choose import target_and_parameters, the_plan, the_target
from commands.grammar import assignment, quote, shown
from core.errors import RefusedError
from core.ports import Service, StartRequest

#: The target, and up to this many parameters.
MAX_WORDS = 17

TO = Option(name="to", what="the plan, or the release it goes back to", value="PLAN")
ACCEPT = Option(
    name="accept-unknown",
    what='a point of no return whose verdict is unknown, and why the team takes that on: POINT="why"',
    repeats=True,
    value='POINT="WHY"',
)


async def read_request(request: Request, service: Service, usage: str) -> StartRequest:
    """
    Resolve the target and the plan; what the line does not say is left empty.

    Raises:
        RefusedError: a word that names nothing, or an option in the wrong form.
    """
    name, parameters = target_and_parameters(request.words, usage)
    target = await the_target(name, service)
    plan = await the_plan(request.options.get("to", ""), target.id, service)
    return StartRequest(
        target=target.id,
        plan=plan.id,
        reason=request.options.get("reason", "").strip(),
        typed=request.options.get("confirm", ""),
        incident=request.options.get("incident", "").strip(),
        # A board belongs where the approvers are; the place it was typed in is only the second choice.
        channel="" if target.channel else request.channel,
        parameters=parameters,
        accepted=_accepted(request.each("accept-unknown")),
    )


def _accepted(values: tuple[str, ...]) -> Mapping[str, str]:
    accepted = {}
    for value in values:
        pair = assignment(value)
        if pair is None or not pair[1].strip():
            raise RefusedError(
                f'--accept-unknown wants a point and the reason: --accept-unknown POINT="why"; came {shown(value)}'
            )
        accepted[pair[0]] = pair[1].strip()
    return accepted


def full_line(verb: str, asked: StartRequest, **options: str) -> str:
    """The line that asks for this, ready to be typed again."""
    words = [verb, asked.target, *(f"{name}={quote(value)}" for name, value in asked.parameters.items())]
    words += ["--to", quote(asked.plan)]
    given = {"reason": asked.reason, "incident": asked.incident, **options}
    words += [f"--{name} {quote(value)}" for name, value in given.items() if value]
    words += [f"--accept-unknown {point}={quote(why)}" for point, why in asked.accepted.items()]
    return "/rollback " + " ".join(words)
