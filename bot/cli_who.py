"""Who acts on the command line: a person of the roster, through the account of the operating system's user."""

import argparse
import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from core.errors import RefusedError
from core.names import pick
from core.people import Account, Person, Roster
from core.run import Actor

if TYPE_CHECKING:
    from bot.service import BelayService

HELP = "who records this: a person of the roster [the operating system's user, if the roster has it]"


def add_as(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--as", dest="person", default="", metavar="PERSON", help=HELP)


@asynccontextmanager
async def recording(args: argparse.Namespace) -> "AsyncIterator[tuple[BelayService, Actor]]":
    from bot.settings import load_settings  # noqa: PLC0415  # with the store and SSH: not for `belay --help`
    from bot.wiring import offline_service, read_config  # noqa: PLC0415

    settings = load_settings()
    actor = someone(read_config(settings).roster, args.person)
    async with offline_service(settings) as service:
        yield service, actor


@asynccontextmanager
async def looking() -> "AsyncIterator[BelayService]":
    """The service for a verb that records nothing, whoever types it."""
    from bot.settings import load_settings  # noqa: PLC0415
    from bot.wiring import offline_service  # noqa: PLC0415

    async with offline_service(load_settings()) as service:
        yield service


def account() -> Account:
    """Return "cli:USER": it stands in the record, and as no roster can name it, it approves nothing."""
    return Account(id=f"cli:{_user()}", name=_user())


def someone(roster: Roster, chosen: str) -> Actor:
    """
    Return the actor named by `--as`, or by the operating system's user.

    Raises:
        RefusedError: the roster has no such person; the text says what to add.
    """
    user = _user()
    if chosen:
        name = pick("person", chosen, roster.people, context="on the roster")
    elif user in roster.people:
        name = user
    else:
        known = ", ".join(roster.people) or "nobody"
        raise RefusedError(f"say who records this: --as PERSON; the roster has: {known} (you are '{user}' here)")
    return Actor(person=roster.people[name], account=account(), way="cli")


def onlooker() -> Actor:
    """Somebody who may look and nothing else."""
    user = _user()
    return Actor(person=Person(id=f"cli:{user}", name=user, accounts=(), may=frozenset()), account=account(), way="cli")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in the password file
        return "unknown"
