"""People agree, not accounts; to this plan, now; and never the one who asked."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.approvals import Approval, Subject, check_approver, check_quorum_possible, tally, why_ignored
from core.errors import RefusedError
from core.people import Account, May, Person, Roster
from core.plan import Policy
from tests.core.making import ALL, T0, approval, later, person, roster

ROSTER = roster(
    person("ana", "T/ana", "T/ana2"),
    person("bo", "T/bo", "T/bo2", "U/bo"),
    person("cy"),
    person("di"),
    person("eve", may=frozenset({May.REQUEST, May.OPERATE})),
)
NOW = later(60)


def subject(needed: int = 2, barred: Collection[str] = ("ana",), plan: str = "p", verdict: str = "v") -> Subject:
    return Subject(
        run="R-1",
        target="east",
        plan_digest=plan,
        verdict_digest=verdict,
        barred=frozenset(barred),
        asked_at=T0,
        policy=Policy(needed=needed),
    )


def counted(*approvals: Approval, of: Subject | None = None, people: Roster = ROSTER, now: datetime = NOW) -> list[str]:
    return list(tally(approvals, of or subject(), people, now).counted)


def test_two_different_people_reach_the_quorum() -> None:
    one = tally([approval("bo")], subject(), ROSTER, NOW)
    two = tally([approval("bo"), approval("cy")], subject(), ROSTER, NOW)

    assert (one.counted, one.missing, one.reached) == (("bo",), 1, False)
    assert (two.counted, two.missing, two.reached) == (("bo", "cy"), 0, True)


def test_the_requester_never_counts() -> None:
    assert counted(approval("ana"), approval("bo")) == ["bo"]


def test_the_requester_never_counts_through_another_account() -> None:
    assert counted(approval("ana", account="T/ana2"), approval("bo")) == ["bo"]


def test_whoever_edited_the_request_never_counts() -> None:
    assert counted(approval("bo"), approval("cy"), of=subject(barred=("ana", "cy"))) == ["bo"]


def test_one_person_through_many_accounts_is_one() -> None:
    many = [approval("bo"), approval("bo", account="T/bo2"), approval("bo", account="U/bo")]

    assert counted(*many) == ["bo"]
    assert not tally(many, subject(), ROSTER, NOW).reached


def test_a_requester_who_was_renamed_on_the_roster_cannot_approve() -> None:
    """Under the new name nobody would recognise who asked: then nothing counts."""
    renamed = roster(*(replace(p, id="anna") if p.id == "ana" else p for p in ROSTER.people.values()))

    assert counted(approval("anna", account="T/ana"), approval("bo"), people=renamed) == []


@pytest.mark.parametrize(
    ("given_approval", "reason"),
    [
        (approval("zoe"), "no longer on the roster"),
        (approval("bo", account="T/cy"), "no longer on the roster"),
        (approval("bo", account="T/gone"), "no longer on the roster"),
        (approval("bo", plan="other"), "another plan"),
        (approval("bo", verdict="other"), "points of no return changed"),
        (approval("bo", at=later(-6)), "outside the time"),
        (approval("bo", at=NOW + timedelta(seconds=6)), "outside the time"),
        (approval("ana"), "asked for R-1"),
        (approval("eve"), "not as an approver"),
    ],
)
def test_ignored_with_a_reason(given_approval: Approval, reason: str) -> None:
    got = tally([given_approval], subject(), ROSTER, NOW)

    assert got.counted == ()
    assert reason in got.ignored[0][1]


def test_a_clock_a_little_off_is_no_reason() -> None:
    assert counted(approval("bo", at=later(-5)), approval("cy", at=NOW + timedelta(seconds=5))) == ["bo", "cy"]


def test_everything_expires() -> None:
    both = approval("bo"), approval("cy")
    end = subject().expires_at

    assert end == T0 + timedelta(minutes=30)
    assert counted(*both, now=end - timedelta(seconds=1)) == ["bo", "cy"]
    assert counted(*both, now=end) == []


def test_a_right_that_was_taken_away_takes_the_approval_with_it() -> None:
    less = roster(*(replace(p, may=frozenset({May.OPERATE})) if p.id == "bo" else p for p in ROSTER.people.values()))

    assert counted(approval("bo"), approval("cy"), people=less) == ["cy"]


def test_an_empty_roster_means_nobody() -> None:
    assert counted(approval("bo"), approval("cy"), people=Roster()) == []


@pytest.mark.parametrize("needed", [0, -1, -99])
def test_fewer_than_one_cannot_be_asked_for(needed: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Policy(needed=needed)


def test_a_policy_that_was_tampered_with_still_needs_one() -> None:
    """Whatever got into memory, nobody starts a rollback alone."""
    tampered = subject()
    object.__setattr__(tampered.policy, "needed", 0)

    assert tally([], tampered, ROSTER, NOW).missing == 1
    assert tally([approval("ana")], tampered, ROSTER, NOW).missing == 1


def test_the_quorum_has_to_be_possible() -> None:
    check_quorum_possible(Policy(needed=3), ROSTER, {"ana"})
    with pytest.raises(RefusedError, match="4 approvers are needed beside the requester and the roster has 3"):
        check_quorum_possible(Policy(needed=4), ROSTER, {"ana"})


def test_who_may_approve_is_told_why_not() -> None:
    check_approver(ROSTER.people["bo"], subject(), NOW)
    for who, why in (("ana", "somebody else has to approve"), ("eve", "not as an approver")):
        with pytest.raises(RefusedError, match=why):
            check_approver(ROSTER.people[who], subject(), NOW)
    with pytest.raises(RefusedError, match="expired at 12:30 UTC; start it again"):
        check_approver(ROSTER.people["bo"], subject(), later(1800))


# -- properties ------------------------------------------------------------------------------------------------

NAMES = ["ana", "bo", "cy", "di"]


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    people = []
    for name in NAMES:
        accounts = [f"{team}/{name}{n}" for team in "TU" for n in range(draw(st.integers(0, 2)))] or [f"T/{name}"]
        may = draw(st.sampled_from([ALL, ALL, frozenset({May.REQUEST}), frozenset({May.APPROVE})]))
        people.append(Person(id=name, name=name, accounts=tuple(accounts), may=may))
    return roster(*people)


@st.composite
def approvals(draw: st.DrawFn, people: Roster) -> list[Approval]:
    """Approvals through any account, in any name, of any moment, to this and to other things."""
    accounts = [account for each in people.people.values() for account in each.accounts]
    one = st.builds(
        Approval,
        person=st.sampled_from([*NAMES, "bot", ""]),
        account=st.sampled_from([*accounts, "T/bot", ""]),
        plan_digest=st.sampled_from(["p", "p", "p", "q", ""]),
        verdict_digest=st.sampled_from(["v", "v", "v", "w"]),
        at=st.integers(-100, 2000).map(later),
        way=st.sampled_from(["reaction", "button"]),
    )
    return draw(st.lists(one, max_size=12))


@given(st.data(), st.integers(1, 3), st.sets(st.sampled_from(NAMES), min_size=1), st.integers(0, 2000))
def test_whoever_counts_is_somebody_else_and_there_are_enough(
    data: st.DataObject, needed: int, barred: set[str], second: int
) -> None:
    people = data.draw(rosters())
    given_ = data.draw(approvals(people))
    now, about = later(second), subject(needed, barred)

    got = tally(given_, about, people, now)

    # counted anew, from the accounts up: who really spoke, to this, in time
    owners = {account: each for each in people.people.values() for account in each.accounts}
    spoke = {
        owners[a.account].id
        for a in given_
        if a.account in owners
        and owners[a.account].id == a.person
        and May.APPROVE in owners[a.account].may
        and (a.plan_digest, a.verdict_digest) == ("p", "v")
        and later(-5) <= a.at <= now + timedelta(seconds=5)
    }
    expected = set() if now >= about.expires_at else spoke - barred
    assert set(got.counted) == expected
    assert len(set(got.counted)) == len(got.counted)
    assert not set(got.counted) & barred
    assert got.reached == (len(expected) >= needed)
    if got.reached:
        assert len({*got.counted, *barred}) >= needed + 1
    assert all(reason for _, reason in got.ignored)


@given(st.data(), st.integers(0, 1700))
def test_taking_an_approval_away_never_adds_anybody(data: st.DataObject, second: int) -> None:
    people = data.draw(rosters())
    given_ = data.draw(approvals(people))
    kept = data.draw(st.lists(st.sampled_from(given_), unique_by=id)) if given_ else []

    before = set(tally(given_, subject(), people, later(second)).counted)
    after = set(tally(kept, subject(), people, later(second)).counted)

    assert after <= before


@given(st.data(), st.sampled_from(["plan", "verdict"]))
def test_another_plan_or_another_verdict_voids_them_all(data: st.DataObject, what: str) -> None:
    people = data.draw(rosters())
    given_ = [a for a in data.draw(approvals(people)) if a.plan_digest == "p" and a.verdict_digest == "v"]
    other = subject(plan="changed") if what == "plan" else subject(verdict="changed")

    assert counted(*given_, of=other, people=people) == []


@given(st.permutations([approval("bo"), approval("cy"), approval("ana"), approval("bo", account="T/bo2")]))
def test_the_order_of_approvals_does_not_matter(given_: list[Approval]) -> None:
    assert set(counted(*given_)) == {"bo", "cy"}


def test_why_is_silent_about_what_counts() -> None:
    assert why_ignored(approval("bo"), subject(), ROSTER, NOW) == ""


# -- who an account is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        ({"bot": True}, "bots and apps do not count"),
        ({"guest": True}, "guests do not count"),
        ({"stranger": True}, "other organisations"),
        ({"deleted": True}, "deactivated"),
        ({"known": False}, "did not say who"),
    ],
)
def test_an_account_that_counts_for_nobody(flag: dict[str, Any], reason: str) -> None:
    """Being on the roster does not help: what the chat service says now is what counts."""
    with pytest.raises(RefusedError, match=reason):
        ROSTER.person_of(Account(id="T/bo", **flag))


def test_the_name_of_an_account_means_nothing() -> None:
    assert ROSTER.person_of(Account(id="T/bo2", name="ana")).id == "bo"
    with pytest.raises(RefusedError, match="not on Belay's roster"):
        ROSTER.person_of(Account(id="T/x", name="bo"))
    with pytest.raises(RefusedError, match="not on Belay's roster"):
        ROSTER.person_of(Account(id="t/bo", name="bo"))


@given(st.builds(Account, id=st.sampled_from(["T/bo", "T/ana2", "T/x"]), bot=st.booleans(), guest=st.booleans(),
                 stranger=st.booleans(), deleted=st.booleans(), known=st.booleans()))  # fmt: skip
def test_any_flag_is_enough(account: Account) -> None:
    clean = account.known and not (account.bot or account.guest or account.stranger or account.deleted)
    if clean and account.id != "T/x":
        assert account.id in ROSTER.person_of(account).accounts
    else:
        with pytest.raises(RefusedError):
            ROSTER.person_of(account)
