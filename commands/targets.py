"""`/rollback targets`: what can be rolled back."""

from commands.base import Command, Reply, Request
from commands.text import code, count, fit, plain, some
from core.ports import Service
from core.target import Target


async def handle(_request: Request, service: Service) -> Reply:
    targets = await service.targets()
    if not targets:
        return Reply(text="No target is known yet; describe one in the targets file.")
    active = {view.run.target: view.run.id for view in await service.runs(active=True, limit=1_000)}
    lines = [_line(target, active.get(target.id, "")) for target in targets]
    return Reply(text=fit([*lines, "`/rollback status TARGET` says whether it is still safe to go back."]))


def _line(target: Target, run: str) -> str:
    title = f", {plain(target.title, 100)}" if target.title else ""
    roles = some([f"{len(hosts)} {plain(role, 40)}" for role, hosts in target.roles.items()])
    busy = f" · *{run} is active*" if run else ""
    return f"- {code(target.id)}{title} ({plain(target.system, 60)}; {count(len(target.hosts), 'host')}: {roles}){busy}"


COMMAND = Command(
    name="targets",
    usage="targets",
    summary="List what can be rolled back.",
    handle=handle,
    max_words=0,
    offline=True,
    group="Look",
    examples=("targets",),
)
