"""`/rollback plans [TARGET]`: the ways back there are."""

from commands.base import Command, Reply, Request
from commands.choose import the_target
from commands.text import code, count, fit, plain
from core.plan import Plan
from core.ports import Service
from core.words import in_words


async def handle(request: Request, service: Service) -> Reply:
    target = (await the_target(request.words[0], service)).id if request.words else ""
    plans = await service.plans(target)
    where = f" for {target}" if target else ""
    if not plans:
        return Reply(text=f"There is no plan{where}. A plan is a file in the plans folder; `belay lint` checks it.")
    hint = f"`/rollback preview {target or 'TARGET'} --to PLAN` shows what one would do, and changes nothing."
    return Reply(text=fit([*map(_line, plans), hint]))


def _line(plan: Plan) -> str:
    minutes = f", about {plan.impact.minutes:g} min" if plan.impact.minutes else ""
    destructive = [step for step in plan.steps if step.destructive]
    loses = f", *{count(len(destructive), 'destructive step')}*" if destructive else ""
    approvals = count(plan.approvals.needed, "approval")
    route = f"{plain(in_words(plan.origin), 60)} → {plain(in_words(plan.destination), 60)}"
    title = f": {plain(plan.title, 120)}" if plan.title else ""
    return f"- {code(plan.id)} ({route}){title}. {count(len(plan.steps), 'step')}{loses}{minutes}; {approvals}"


COMMAND = Command(
    name="plans",
    usage="plans [TARGET]",
    summary="List the plans, or those that fit a target.",
    handle=handle,
    offline=True,
    group="Look",
    examples=("plans", "plans prod-east"),
)
