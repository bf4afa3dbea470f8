"""One account is one person, and rights are what the roster gives."""

import pytest

from core.errors import PlanError, RefusedError
from core.people import May, Person, Roster, check_may
from tests.core.making import person, roster


def test_two_people_cannot_share_an_account() -> None:
    with pytest.raises(PlanError, match="'T/1' belongs to 'ana' already; one account is one person"):
        roster(person("ana", "T/1"), person("bo", "T/2", "T/1"))


def test_rights_are_given_one_by_one() -> None:
    ana = Person(id="ana", name="Ana", accounts=("T/1",))

    check_may(ana, May.REQUEST)
    check_may(ana, May.OPERATE)
    with pytest.raises(RefusedError, match="Ana may not approve; the roster gives: operate, request"):
        check_may(ana, May.APPROVE)
    with pytest.raises(RefusedError, match="gives: nothing"):
        check_may(person("bo", may=frozenset()), May.REQUEST)


def test_approvers_are_those_who_may() -> None:
    people = roster(person("ana"), person("bo", may=frozenset({May.OPERATE})))

    assert [p.id for p in people.approvers()] == ["ana"]
    assert Roster().approvers() == ()
