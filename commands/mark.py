"""`/rollback mark TARGET CHECKPOINT`: record that something happened. Facts are never taken back."""

from collections.abc import Sequence

from commands.base import Command, Option, Reply, Request
from commands.choose import the_target
from commands.grammar import shown
from commands.text import code, plain
from core.errors import RefusedError
from core.names import did_you_mean, is_name
from core.plan import Plan
from core.ports import Service
from core.run_states import RunStatus

USAGE = 'mark TARGET CHECKPOINT [--evidence "…"]'


async def handle(request: Request, service: Service) -> Reply:
    target = (await the_target(request.word(0, USAGE), service)).id
    checkpoint = request.word(1, USAGE)
    if not is_name(checkpoint):
        raise RefusedError(f"a checkpoint is one word of letters, digits, '.', '_' and '-'; came {shown(checkpoint)}")
    evidence = request.options.get("evidence", "")
    before = await service.runs(target=target, active=True)
    await service.mark(target, checkpoint, request.actor, evidence)
    ended = [view.run.id for view in before if (await service.run(view.run.id)).state.status is RunStatus.REFUSED]
    seen = f" ({plain(evidence, 200)})" if evidence else ""
    text = f"{plain(request.actor.person.name, 60)} recorded {code(checkpoint)} on {code(target)}{seen}."
    stopped = f" {', '.join(ended)} is refused by it, nothing ran." if ended else ""
    return Reply(text=f"{text} {_meaning(checkpoint, await service.plans(target))}{stopped}", public=True)


def _meaning(checkpoint: str, plans: Sequence[Plan]) -> str:
    """What the record means for the ways back; a name no plan knows may be a slip of the finger, and is said."""
    crossed = [(plan, point) for plan in plans for point in plan.points_of_no_return if checkpoint in point.checkpoints]
    if crossed:
        _, point = crossed[0]
        forward = f" The way forward: {plain(point.way_forward, 300)}" if point.way_forward else ""
        names = ", ".join(sorted({code(plan.id) for plan, _ in crossed}))
        return (
            f"*That is a point of no return* ({plain(point.event or point.id, 120)}): {names} is refused now.{forward}"
        )
    known = {name for plan in plans for point in plan.points_of_no_return for name in point.checkpoints}
    return f"No plan reads this checkpoint, so it changes no verdict{did_you_mean(checkpoint, known)}"


COMMAND = Command(
    name="mark",
    usage=USAGE,
    summary="Record that something happened to a target, for example a point of no return.",
    handle=handle,
    options=(Option(name="evidence", what="how you know", value='"…"'),),
    max_words=2,
    group="Record",
    examples=('mark prod-east edpm-started --evidence "job 4711"',),
)
