"""
People, counted as people: a roster maps each to immutable chat accounts, and no account speaks for two.

Names, e-mail addresses and channel membership mean nothing here. An empty roster means nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.errors import PlanError, RefusedError


class May(StrEnum):
    REQUEST = "request"
    APPROVE = "approve"
    OPERATE = "operate"  #: pause, resume, abort, retry, skip, settle, mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One chat account as the chat service describes it now, not as it was when the roster was written."""

    id: str  #: team id and user id, immutable: "T0123/U0456"
    name: str = ""  #: for showing only; nothing is decided on it
    bot: bool = False  #: a bot, an app, a workflow
    guest: bool = False
    stranger: bool = False  #: of another organisation, through a shared channel
    deleted: bool = False
    known: bool = True  #: False: the chat service did not say; then it counts for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    id: str
    name: str
    accounts: tuple[str, ...]
    may: frozenset[May] = frozenset({May.REQUEST, May.OPERATE})


@dataclass(frozen=True, slots=True)
class Roster:
    people: Mapping[str, Person] = field(default_factory=dict)

    def __post_init__(self) -> None:
        owner: dict[str, str] = {}
        for person in self.people.values():
            for account in person.accounts:
                if account in owner:
                    problem = f"'{account}' belongs to '{owner[account]}' already; one account is one person"
                    raise PlanError(f"people/{person.id}/accounts", problem)
                owner[account] = person.id

    def person_of(self, account: Account) -> Person:
        """
        Return who speaks through *account*.

        Raises:
            RefusedError: nobody: it is a bot, guest, stranger, deactivated, not described, or not on the roster.
        """
        reasons = {
            "the chat service did not say who this account is; try again": not account.known,
            "bots and apps do not count; a person has to act": account.bot,
            "this account was deactivated": account.deleted,
            "guests do not count; ask a member who is on the roster": account.guest,
            "people of other organisations do not count": account.stranger,
        }
        for reason, applies in reasons.items():
            if applies:
                raise RefusedError(reason)
        for person in self.people.values():
            if account.id in person.accounts:
                return person
        raise RefusedError(
            f"the account {account.id} is not on Belay's roster, so it counts for nobody; "
            "ask the team that keeps the roster file to add it"
        )

    def approvers(self) -> tuple[Person, ...]:
        return tuple(p for p in self.people.values() if May.APPROVE in p.may)


def check_may(person: Person, right: May) -> None:
    """
    Raises:
        RefusedError: the roster does not give *person* this right.
    """
    if right not in person.may:
        given = ", ".join(sorted(person.may)) or "nothing"
        raise RefusedError(f"{person.name} may not {right}; the roster gives: {given}")
