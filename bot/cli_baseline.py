"""`belay baseline`: capture the facts of before an upgrade, record one by hand, show them, compare them with today."""

import argparse
from collections.abc import Mapping

from bot.cli import OK, REFUSED, Handler, Parser, Verbs
from bot.cli_types import clean, fact
from bot.cli_who import add_as, looking, recording
from commands.text import count, one_line

_EXAMPLES = """\
for example:
  belay baseline capture prod-east rhoso-adoption --as ana     before the upgrade begins
  belay baseline compare prod-east rhoso-adoption              a line a difference; exit status 1 if there is one
  belay baseline record prod-east schema=317 kernel@compute-1=5.14.0-362 --as ana"""


def add(verbs: Verbs) -> None:
    """Add this file's verbs."""
    parser = verbs.add(
        "baseline", "Facts from before the upgrade, which probes compare with.", _record, epilog=_EXAMPLES
    )
    into = parser.add_subparsers(title="what to do", metavar="WHAT", parser_class=Parser, dest="what", required=True)
    kinds = Verbs(into)
    add_as(
        _of_plan(kinds, "capture", "Ask every host for the plan's baselines and record them; all or nothing.", _capture)
    )
    _of_plan(kinds, "compare", "Hold the live system against what was recorded; silence is no equality.", _compare)
    record = kinds.add("record", "Record single facts by hand.", _record)
    record.add_argument("target", metavar="TARGET", type=clean)
    record.add_argument("facts", nargs="+", metavar="FACT=VALUE", type=fact, help="FACT@HOST=VALUE for one host's own")
    add_as(record)
    show = kinds.add("show", "Print every recorded fact.", _show)
    show.add_argument("target", metavar="TARGET", type=clean)


def _of_plan(kinds: Verbs, name: str, summary: str, handle: Handler) -> Parser:
    parser = kinds.add(name, summary, handle)
    parser.add_argument("target", metavar="TARGET", type=clean)
    parser.add_argument("plan", metavar="PLAN", type=clean, help="the plan, or the release it goes back to")
    return parser


async def _capture(args: argparse.Namespace) -> int:
    async with recording(args) as (service, actor):
        facts = await service.capture_baseline(args.target, args.plan, actor, _progress)
    print(f"recorded {count(len(facts), 'baseline fact')} of {args.target}: {', '.join(facts)}")
    return OK


async def _compare(args: argparse.Namespace) -> int:
    async with looking() as service:
        found = await service.compare_baseline(args.target, args.plan)
    for line in found.differences:
        print(one_line(line))
    told = f"{count(len(found.differences), 'difference')} found" if found.differences else "all are as recorded"
    print(f"{count(found.facts, 'baseline fact')} of {args.target} compared: {told}")
    return REFUSED if found.differences else OK


async def _record(args: argparse.Namespace) -> int:
    facts: Mapping[str, str] = dict(args.facts)
    async with recording(args) as (service, actor):
        ledger = await service.record_baseline(args.target, facts, actor)
    print(f"recorded {', '.join(facts)} of {args.target}; its baseline has {count(len(ledger.baseline), 'fact')}")
    return OK


async def _show(args: argparse.Namespace) -> int:
    async with looking() as service:
        baseline = (await service.ledger(args.target)).baseline
    for name, value in sorted(baseline.items()):
        lines = [one_line(line) for line in value.splitlines()]
        print(f"{name} = {lines[0] if lines else ''}" if len(lines) < 2 else "\n  ".join([f"{name}:", *lines]))
    if not baseline:
        print(f"nothing is recorded; `belay baseline capture {args.target} PLAN` asks the hosts")
    return OK


def _progress(line: str) -> None:
    print(one_line(line), flush=True)
