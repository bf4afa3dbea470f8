"""`belay explain`: a plan as a page in Markdown, made from the plan alone."""

import argparse
from pathlib import Path

from bot.cli import OK, Verbs
from bot.cli_types import clean
from bot.cli_who import looking
from bot.explain import Site, explain
from core.givens import check_system, known_parameters, recorded_words
from core.names import pick
from core.plan import Plan
from core.snapshots import known_snapshots, snapshot_words
from core.target import Target

_EXAMPLES = """\
for example:
  belay explain newton                          every command it would run, and why it is safe
  belay explain config/plans/mine.yaml          a file that is still being written
  belay explain newton --target prod-east       with the target's hosts and what is recorded of it"""


def add(verbs: Verbs) -> None:
    """Add this file's verbs."""
    parser = verbs.add("explain", "Print a plan as a page: all it does, and what it needs.", _explain, epilog=_EXAMPLES)
    parser.add_argument("plan", metavar="PLAN", type=clean, help="a plan, the release it goes back to, or a file")
    parser.add_argument("--target", default="", type=clean, help="fill in its hosts and what is recorded of it")


async def _explain(args: argparse.Namespace) -> int:
    plan = _plan(args.plan)
    site = await _site(plan, args.target) if args.target else None
    print(f"# {plan.title or plan.id}\n\n{explain(plan, site)}", end="")
    return OK


def _plan(word: str) -> Plan:
    from bot.settings import load_settings  # noqa: PLC0415  # reads the environment; a file needs none of it
    from store.plan_files import load_plans, read_plan  # noqa: PLC0415

    if Path(word).is_file():
        return read_plan(Path(word)).plan
    plans, _ = load_plans(*load_settings().plan_folders)
    names = {name: plan for plan in plans.values() for name in (*plan.names[1:], plan.names[0])}
    return names[pick("plan", word, names)]


async def _site(plan: Plan, target_id: str) -> Site:
    async with looking() as service:
        target: Target = {each.id: each for each in await service.targets()}[
            pick("target", target_id, [each.id for each in await service.targets()])
        ]
        ledger = await service.ledger(target.id)
    check_system(plan, target)
    words = recorded_words(target, known_parameters(plan, target), ledger)
    words |= snapshot_words(known_snapshots(plan, ledger, words))
    return Site(target=target.id, hosts=target.roles, words=words)
