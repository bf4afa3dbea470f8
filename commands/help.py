"""`/rollback help [VERB]`: what there is to type."""

from collections.abc import Sequence

from commands.base import Command, Handle, Reply, Request
from commands.text import fit
from core.names import pick
from core.ports import Service

GROUPS = ("Look", "Ask", "Decide", "Steer", "Record")


def command(others: Sequence[Command]) -> Command:
    """Return the help of *others* and of itself."""
    return Command(
        name="help",
        usage="help [VERB]",
        summary="Show the verbs, or how one of them is used.",
        handle=_handle(others),
        offline=True,
        group="Look",
        examples=("help", "help start"),
    )


def _handle(others: Sequence[Command]) -> Handle:
    async def handle(request: Request, _service: Service) -> Reply:
        known = {each.name: each for each in (command(others), *others)}
        if not request.words:
            return Reply(text=overview(list(known.values())))
        return Reply(text=of(known[pick("verb", request.words[0].lower(), known)]))

    return handle


def overview(commands: Sequence[Command]) -> str:
    lines = ["*Belay* takes a failed upgrade back, together and safely. Nothing starts before other people approve."]
    for group in GROUPS:
        lines.append(f"*{group}*")
        lines += [f"- `{each.name}`: {each.summary}" for each in commands if each.group == group]
    lines.append("`/rollback help VERB` says how one is used. RUN may be left out while exactly one run is active.")
    return fit(lines)


def of(each: Command) -> str:
    lines = [f"*{each.name}*: {each.summary}", f"`/rollback {each.usage}`"]
    for option in each.options:
        value = f" {option.value}" if option.takes_value else ""
        again = "; may be given more than once" if option.repeats else ""
        lines.append(f"- `--{option.name}{value}`: {option.what}{again}")
    lines += ["For example:", *(f"- `/rollback {example}`" for example in each.examples)]
    return fit(lines)
