"""Who acts on the command line: a person of the roster, through the account of the operating system's user."""

import getpass

from core.errors import RefusedError
from core.names import pick
from core.people import Account, Person, Roster
from core.run import Actor

HELP = "who records this: a person of the roster [the operating system's user, if the roster has it]"


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
