"""Who is there: people with more than one account, and accounts that must never count for anybody."""

from collections.abc import Mapping
from typing import Any, Final

from core.people import May, Person, Roster

TEAM: Final = "T1"
EVERYTHING: Final = frozenset(May)

#: Slack's user -> who that is. What the bot believes is not asked: the invariants count with this table.
OWNER: Final[Mapping[str, str]] = {
    "U-ana": "ana",
    "U-ana2": "ana",
    "U-bo": "bo",
    "U-bo2": "bo",
    "U-cy": "cy",
    "U-dee": "dee",
}
#: People whose "yes" counts for what somebody else asked for.
APPROVERS: Final = frozenset({"ana", "bo", "cy"})
#: On the roster as approvers, and barred by what their account is.
BARRED: Final[Mapping[str, Mapping[str, Any]]] = {
    "U-gil": {"is_restricted": True},
    "U-rob": {"is_bot": True},
    "U-fay": {"is_stranger": True},
    "U-gone": {"deleted": True},
}
#: On no roster.
UNKNOWN: Final = "U-xavier"
USERS: Final = (*OWNER, *BARRED, UNKNOWN)
REQUESTERS: Final = ("U-ana", "U-ana2", "U-bo", "U-dee")
OPERATORS: Final = ("U-ana", "U-bo2", "U-cy", "U-dee")


def roster() -> Roster:
    rights = {"ana": EVERYTHING, "bo": EVERYTHING, "cy": frozenset({May.APPROVE, May.OPERATE})}
    rights["dee"] = frozenset({May.REQUEST, May.OPERATE})
    people = {
        name: _person(name, *(user for user in OWNER if OWNER[user] == name), may=rights[name]) for name in rights
    }
    barred = {user: _person(user, user, may=frozenset({May.APPROVE})) for user in BARRED}
    return Roster({**people, **barred})


def _person(name: str, *users: str, may: frozenset[May]) -> Person:
    return Person(id=name, name=name.title(), accounts=tuple(account(user) for user in users), may=may)


def account(user: str) -> str:
    return f"{TEAM}/{user}"


def described(user: str) -> dict[str, Any]:
    """What Slack's users.info says of *user*."""
    return {"id": user, "team_id": TEAM, "name": user, **BARRED.get(user, {})}


def who_counts(account_id: str, requester: str) -> str:
    """Whose "yes" one given through *account_id* is, to what *requester* asked for; "" for nobody's."""
    person = OWNER.get(account_id.removeprefix(f"{TEAM}/"), "")
    return person if person in APPROVERS and person != requester else ""
