"""Recording from the command line: snapshots, the beginning of an upgrade; and the freeze."""

import argparse
from datetime import UTC, datetime

from bot import cli_types
from bot.cli import OK, Parser, Verbs
from bot.cli_who import add_as, recording
from core.ledger import Snapshot

_SNAPSHOT = """\
for example:
  belay snapshot prod-east galera --kind mysqldump --place /backup/galera-0412.sql.gz \\
    --sha256 $(sha256sum < galera-0412.sql.gz | cut -c1-64) --host controller-1 --as ana"""


_UPGRADE = """\
for example:
  belay upgrade begin prod-east --from newton --to queens --as ana
  belay upgrade hop prod-east --from newton --to ocata --snapshot before-ocata --as ana
  belay upgrade hop-done prod-east --to ocata --as ana"""


def add(verbs: Verbs) -> None:
    """Add this file's verbs."""
    _add_snapshot(verbs)
    _add_upgrade(verbs)
    freeze = verbs.add(
        "freeze", "Stop everything from starting on any host, over restarts too; what runs goes on.", _freeze
    )
    freeze.add_argument("--reason", required=True, type=cli_types.clean, help="why; everybody who is refused reads it")
    add_as(freeze)
    add_as(verbs.add("thaw", "Let Belay act again after a freeze.", _thaw))


def _add_snapshot(verbs: Verbs) -> None:
    parser = verbs.add(
        "snapshot",
        "Record a backup that a plan may restore.",
        _snapshot,
        epilog=_SNAPSHOT,
    )
    parser.add_argument("target", metavar="TARGET", type=cli_types.clean)
    parser.add_argument("name", metavar="NAME", type=cli_types.name, help="the word the plan uses for it")
    parser.add_argument(
        "--kind", required=True, type=cli_types.clean, help="what it is, for example mysqldump; the plan names the kind"
    )
    parser.add_argument(
        "--place", required=True, type=cli_types.clean, help="where it lies, as the restoring step needs it"
    )
    parser.add_argument("--sha256", required=True, type=cli_types.sha256, help="its SHA-256, 64 hexadecimal digits")
    parser.add_argument("--host", default="", type=cli_types.clean, help="the host it lies on")
    parser.add_argument("--engine-version", default="", type=cli_types.clean, help="of the database that wrote it")
    parser.add_argument(
        "--covers", default="", type=cli_types.clean, help="what is in it, in words: keystone, nova; the plan may ask"
    )
    parser.add_argument("--release", default="", type=cli_types.clean, help="the release it holds")
    parser.add_argument(
        "--taken-at", type=_moment, metavar="TIME", help="ISO 8601 with a zone, 2026-04-12T02:00Z [now]"
    )
    add_as(parser)


def _add_upgrade(verbs: Verbs) -> None:
    parser = verbs.add("upgrade", "Record an upgrade: that it begins, and each of its hops.", _upgrade, epilog=_UPGRADE)
    into = parser.add_subparsers(
        title="what to record", metavar="WHAT", parser_class=Parser, dest="what", required=True
    )
    kinds = Verbs(into)
    begin = kinds.add("begin", "An upgrade begins; the ledger starts anew.", _upgrade)
    hop = kinds.add("hop", "A hop from one release to the next begins, where the last one ended.", _hop)
    done = kinds.add("hop-done", "The open hop has ended well.", _hop_done)
    for each in (begin, hop, done):
        each.add_argument("target", metavar="TARGET", type=cli_types.clean)
        if each is not done:
            each.add_argument("--from", dest="origin", required=True, type=cli_types.name, metavar="RELEASE")
        each.add_argument("--to", dest="destination", required=True, type=cli_types.name, metavar="RELEASE")
        add_as(each)
    hop.add_argument("--snapshot", type=cli_types.name, metavar="NAME", help="the recorded snapshot taken before it")


async def _snapshot(args: argparse.Namespace) -> int:
    snapshot = Snapshot(
        name=args.name,
        kind=args.kind,
        place=args.place,
        sha256=args.sha256,
        taken_at=args.taken_at or datetime.now(UTC),
        host=args.host,
        engine_version=args.engine_version,
        covers=args.covers,
        release=args.release,
    )
    async with recording(args) as (service, actor):
        await service.record_snapshot(args.target, snapshot, actor)
    print(f"recorded snapshot '{args.name}' of {args.target}, sha256 {args.sha256[:8]}…")
    return OK


async def _upgrade(args: argparse.Namespace) -> int:
    async with recording(args) as (service, actor):
        await service.begin_upgrade(args.target, args.origin, args.destination, actor)
    print(f"recorded: {args.target} is being upgraded from {args.origin} to {args.destination}; its ledger starts anew")
    return OK


async def _hop(args: argparse.Namespace) -> int:
    async with recording(args) as (service, actor):
        await service.begin_hop(args.target, args.origin, args.destination, actor, snapshot=args.snapshot or "")
    print(f"recorded: {args.target} hops from {args.origin} to {args.destination}")
    return OK


async def _hop_done(args: argparse.Namespace) -> int:
    async with recording(args) as (service, actor):
        ledger = await service.end_hop(args.target, args.destination, actor)
    chain = " → ".join([ledger.hops[0].origin, *(hop.destination for hop in ledger.hops)])
    print(f"recorded: {args.target} is on {args.destination}; its hops: {chain}")
    return OK


async def _freeze(args: argparse.Namespace) -> int:
    async with recording(args) as (service, actor):
        await service.freeze(args.reason, actor)
    print("frozen: nothing starts on any host until `belay thaw`; what runs goes on")
    return OK


async def _thaw(args: argparse.Namespace) -> int:
    async with recording(args) as (service, actor):
        await service.thaw(actor)
    print("thawed: Belay acts again")
    return OK


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"should be a time with its zone, like 2026-04-12T02:00Z, is '{text[:60]}'")
    return at.astimezone(UTC)
