"""Recording from the command line: snapshots, baseline facts, the beginning of an upgrade; and the freeze."""

import argparse
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot import cli_who
from bot.cli import OK, Parser, Verbs
from commands.grammar import assignment, check_clean
from core.errors import RefusedError
from core.ledger import Snapshot
from core.names import is_name
from core.run import Actor

if TYPE_CHECKING:
    from bot.service import BelayService

_SHA256 = re.compile(r"[0-9a-f]{64}")


_SNAPSHOT = """\
for example:
  belay snapshot prod-east galera --kind mysqldump --place /backup/galera-0412.sql.gz \\
    --sha256 $(sha256sum < galera-0412.sql.gz | cut -c1-64) --host controller-1 --as ana"""


def add(verbs: Verbs) -> None:
    """Add this file's verbs."""
    _add_snapshot(verbs)
    _add_baseline(verbs)
    _add_upgrade(verbs)
    freeze = verbs.add(
        "freeze", "Stop everything from starting on any host, over restarts too; what runs goes on.", _freeze
    )
    freeze.add_argument("--reason", required=True, type=_clean, help="why; everybody who is refused reads it")
    _add_as(freeze)
    _add_as(verbs.add("thaw", "Let Belay act again after a freeze.", _thaw))


def _add_snapshot(verbs: Verbs) -> None:
    parser = verbs.add(
        "snapshot",
        "Record a backup that a plan may restore.",
        _snapshot,
        epilog=_SNAPSHOT,
    )
    parser.add_argument("target", metavar="TARGET", type=_clean)
    parser.add_argument("name", metavar="NAME", type=_name, help="the word the plan uses for it")
    parser.add_argument(
        "--kind", required=True, type=_clean, help="what it is, for example mysqldump; the plan names the kind"
    )
    parser.add_argument("--place", required=True, type=_clean, help="where it lies, as the restoring step needs it")
    parser.add_argument("--sha256", required=True, type=_sha256, help="its SHA-256, 64 hexadecimal digits")
    parser.add_argument("--host", default="", type=_clean, help="the host it lies on")
    parser.add_argument("--engine-version", default="", type=_clean, help="of the database that wrote it")
    parser.add_argument("--covers", default="", type=_clean, help="what is in it, in words")
    parser.add_argument(
        "--taken-at", type=_moment, metavar="TIME", help="ISO 8601 with a zone, 2026-04-12T02:00Z [now]"
    )
    _add_as(parser)


def _add_baseline(verbs: Verbs) -> None:
    parser = verbs.add(
        "baseline",
        "Record facts from before the upgrade, which probes compare with.",
        _baseline,
        usage="belay baseline record TARGET FACT=VALUE … [--as PERSON]",
        epilog="for example:\n  belay baseline record prod-east schema=317 kernel@compute-1=5.14.0-362 --as ana",
    )
    parser.add_argument("what", choices=("record",), help="the only thing there is to do with one")
    parser.add_argument("target", metavar="TARGET", type=_clean)
    parser.add_argument("facts", nargs="+", metavar="FACT=VALUE", type=_fact, help="FACT@HOST=VALUE for one host's own")
    _add_as(parser)


def _add_upgrade(verbs: Verbs) -> None:
    parser = verbs.add(
        "upgrade",
        "Record that an upgrade begins; the ledger starts anew.",
        _upgrade,
        usage="belay upgrade begin TARGET --from RELEASE --to RELEASE [--as PERSON]",
        epilog="for example:\n  belay upgrade begin prod-east --from newton --to ocata --as ana",
    )
    parser.add_argument("what", choices=("begin",), help="the only thing there is to record of one here")
    parser.add_argument("target", metavar="TARGET", type=_clean)
    parser.add_argument("--from", dest="origin", required=True, type=_name, metavar="RELEASE")
    parser.add_argument("--to", dest="destination", required=True, type=_name, metavar="RELEASE")
    _add_as(parser)


def _add_as(parser: Parser) -> None:
    parser.add_argument("--as", dest="person", default="", metavar="PERSON", help=cli_who.HELP)


@asynccontextmanager
async def _recording(args: argparse.Namespace) -> "AsyncIterator[tuple[BelayService, Actor]]":
    from bot.settings import load_settings  # noqa: PLC0415  # with the store and SSH: not for `belay --help`
    from bot.wiring import offline_service, read_config  # noqa: PLC0415

    settings = load_settings()
    actor = cli_who.someone(read_config(settings).roster, args.person)
    async with offline_service(settings) as service:
        yield service, actor


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
    )
    async with _recording(args) as (service, actor):
        await service.record_snapshot(args.target, snapshot, actor)
    print(f"recorded snapshot '{args.name}' of {args.target}, sha256 {args.sha256[:8]}…")
    return OK


async def _baseline(args: argparse.Namespace) -> int:
    facts: Mapping[str, str] = dict(args.facts)
    async with _recording(args) as (service, actor):
        ledger = await service.record_baseline(args.target, facts, actor)
    print(f"recorded {', '.join(facts)} of {args.target}; its baseline has {len(ledger.baseline)} facts")
    return OK


async def _upgrade(args: argparse.Namespace) -> int:
    async with _recording(args) as (service, actor):
        await service.begin_upgrade(args.target, args.origin, args.destination, actor)
    print(f"recorded: {args.target} is being upgraded from {args.origin} to {args.destination}; its ledger starts anew")
    return OK


async def _freeze(args: argparse.Namespace) -> int:
    async with _recording(args) as (service, actor):
        await service.freeze(args.reason, actor)
    print("frozen: nothing starts on any host until `belay thaw`; what runs goes on")
    return OK


async def _thaw(args: argparse.Namespace) -> int:
    async with _recording(args) as (service, actor):
        await service.thaw(actor)
    print("thawed: Belay acts again")
    return OK


def _clean(text: str) -> str:
    try:
        check_clean(text)
    except RefusedError as refusal:
        raise argparse.ArgumentTypeError(str(refusal)) from refusal
    return text


def _name(text: str) -> str:
    if not is_name(text):
        raise argparse.ArgumentTypeError(f"should be one word of letters, digits, '.', '_' and '-', is '{text[:60]}'")
    return text


def _sha256(text: str) -> str:
    if not _SHA256.fullmatch(text.lower()):
        raise argparse.ArgumentTypeError(f"should be 64 hexadecimal digits, is {len(text)} characters: '{text[:70]}'")
    return text.lower()


def _fact(text: str) -> tuple[str, str]:
    pair = assignment(_clean(text))
    if pair is None:
        raise argparse.ArgumentTypeError(f"should be FACT=VALUE, is '{text[:60]}'")
    return pair


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"should be a time with its zone, like 2026-04-12T02:00Z, is '{text[:60]}'")
    return at.astimezone(UTC)
