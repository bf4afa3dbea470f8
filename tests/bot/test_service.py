"""Attacks on approvals: whose "yes" counts, how often, until when, and what takes it away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.codec import to_data
from core.errors import RefusedError, StoreUnavailableError
from core.journal import Kind
from core.people import Account, May, Person, Roster
from core.run import Actor
from core.run_states import RunStatus
from core.wishes import Draft
from store.transaction import Transaction
from tests.bot.service_world import (
    QUESTION,
    WatchedHosts,
    assert_ended_untouched,
    assert_not_claimed,
    kinds,
    restarted,
    roster_without,
)
from tests.bot.world import ROSTER, Bot, Vouching, actor, bot, memory_hosts, plan_data, target
from tests.practice_executor import printed


def through(name: str, account: str, way: str = "reaction") -> Actor:
    """*name* as a front-end would take them for it, speaking through *account*."""
    return Actor(person=ROSTER.people[name], account=Account(id=account), way=way)


# -- who counts ------------------------------------------------------------------------------------------------


async def test_the_requester_cannot_approve_what_they_asked_for(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        for way in ("reaction", "button", "command"):
            with pytest.raises(RefusedError, match="Ana asked for R-1 or changed it"):
                await b.service.approve(run_id, actor("ana", way))
        await b.service.approve(run_id, actor("bo"))

        assert (await assert_not_claimed(b, run_id)).tally.counted == ("bo",)


async def test_the_requester_cannot_approve_through_a_second_account(tmp_path: Path) -> None:
    """Both accounts are one person's; and an account nobody has is nobody's."""
    two = replace(ROSTER.people["ana"], accounts=("T1/U-ana", "T1/U-ana-phone"))
    async with bot(tmp_path, memory_hosts()) as first:
        b = restarted(first, roster=Roster({**ROSTER.people, "ana": two}))
        run_id = await b.ask()
        person = await b.service.identify(Account(id="T1/U-ana-phone"))
        assert person.id == "ana"
        with pytest.raises(RefusedError, match="asked for"):
            await b.service.approve(run_id, Actor(person=person, account=Account(id="T1/U-ana-phone"), way="reaction"))
        with pytest.raises(RefusedError, match="not on Belay's roster"):
            await b.service.approve(run_id, through("cy", "T1/U-ana-other"))
        await b.service.approve(run_id, actor("bo"))

        assert (await assert_not_claimed(b, run_id)).tally.counted == ("bo",)


async def test_an_approval_of_the_requester_in_the_journal_counts_for_nothing(tmp_path: Path) -> None:
    """However it came there: the claim counts again by itself."""
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        view = await b.service.run(run_id)
        forged = replace(view.state.approvals[0], person="ana", account="T1/U-ana")
        await b.service._append(run_id, lambda _run, _state: [_approved(forged)])
        await b.service.sweep()

        view = await assert_not_claimed(b, run_id)
        assert [(each.person, "asked for" in why) for each, why in view.tally.ignored] == [("ana", True)]


def _approved(approval: object) -> Draft:
    return Draft(kind=Kind.APPROVED, data=to_data(approval))


async def test_one_person_by_reaction_button_and_command_counts_once(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        for way in ("reaction", "button", "command"):
            await b.service.approve(run_id, actor("bo", way))

        view = await assert_not_claimed(b, run_id)
        assert (view.tally.counted, view.tally.missing) == (("bo",), 1)
        assert (await kinds(b, run_id)).count(Kind.APPROVED) == 1


async def test_two_accounts_of_one_person_are_one_approval(tmp_path: Path) -> None:
    two = replace(ROSTER.people["bo"], accounts=("T1/U-bo", "T1/U-bo2"))
    async with bot(tmp_path, memory_hosts()) as first:
        b = restarted(first, roster=Roster({**ROSTER.people, "bo": two}))
        run_id = await b.ask()
        await asyncio.gather(
            *(b.service.approve(run_id, Actor(person=two, account=Account(id=a), way="button")) for a in two.accounts)
        )

        assert (await assert_not_claimed(b, run_id)).tally.counted == ("bo",)


async def test_the_same_approval_delivered_a_hundred_times_at_once_counts_once(tmp_path: Path) -> None:
    """And costs little: hosts are looked at for the first one, not for each repetition."""
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        hosts.looks.clear()
        await asyncio.gather(*(b.service.approve(run_id, actor("bo")) for _ in range(100)))

        view = await assert_not_claimed(b, run_id)
        assert view.tally.counted == ("bo",)
        assert (await kinds(b, run_id)).count(Kind.APPROVED) == 1
        assert len(hosts.looks) == 1


async def test_two_approvals_delivered_fifty_times_each_at_once_are_claimed_once(tmp_path: Path) -> None:
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        answers = await asyncio.gather(
            *(b.service.approve(run_id, actor(name)) for _ in range(50) for name in ("bo", "cy")),
            return_exceptions=True,
        )
        await b.until(run_id, RunStatus.SUCCEEDED)

        late = [str(each) for each in answers if isinstance(each, BaseException)]
        assert all("does not wait for approvals" in each for each in late)
        assert (await kinds(b, run_id)).count(Kind.CLAIMED) == 1
        assert set(hosts.effects.values()) == {1}


async def test_who_is_on_the_roster_but_no_approver_does_not_count(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        with pytest.raises(RefusedError, match="not as an approver"):
            await b.service.approve(run_id, actor("dee"))

        assert (await assert_not_claimed(b, run_id)).state.approvals == ()


STRANGE = {
    "bots and apps do not count": Account(id="T1/U-bo", bot=True),
    "guests do not count": Account(id="T1/U-bo", guest=True),
    "other organisations": Account(id="T1/U-bo", stranger=True),
    "deactivated": Account(id="T1/U-bo", deleted=True),
    "did not say": Account(id="T1/U-bo", known=False),
    "not on Belay's roster": Account(id="T1/U-nobody", name="Bo"),
    "roster, so it counts": Account(id="T2/U-bo", name="Bo"),
    "counts for nobody": Account(id="t1/u-bo", name="Bo"),
}


@pytest.mark.parametrize("why", STRANGE)
async def test_an_account_that_is_no_members_speaks_for_nobody(tmp_path: Path, why: str) -> None:
    """Neither when asked who it is, nor where a front-end forgot to ask."""
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        with pytest.raises(RefusedError, match=why):
            await b.service.identify(STRANGE[why])
        with pytest.raises(RefusedError, match=why):
            await b.service.approve(run_id, Actor(person=ROSTER.people["bo"], account=STRANGE[why], way="reaction"))

        assert (await assert_not_claimed(b, run_id)).state.approvals == ()


async def test_an_account_does_not_speak_for_another_person(tmp_path: Path) -> None:
    """A front-end that mixed two people up is not believed."""
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        with pytest.raises(RefusedError, match="does not speak for Cy"):
            await b.service.approve(run_id, through("cy", "T1/U-bo"))

        assert (await assert_not_claimed(b, run_id)).state.approvals == ()


async def test_an_empty_roster_means_nobody(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as first:
        run_id = await first.ask()
        b = restarted(first, roster=Roster())
        for name in ROSTER.people:
            with pytest.raises(RefusedError, match="not on Belay's roster"):
                await b.service.identify(Account(id=f"T1/U-{name}"))
            with pytest.raises(RefusedError):
                await b.service.approve(run_id, actor(name))

        await assert_not_claimed(b, run_id)


@pytest.mark.parametrize("digest", ["0000000", "f" * 64, "-", "x"])
async def test_an_approval_for_another_plan_is_refused(tmp_path: Path, digest: str) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        with pytest.raises(RefusedError, match="look at it again"):
            await b.service.approve(run_id, actor("bo"), digest=digest)

        assert (await assert_not_claimed(b, run_id)).state.approvals == ()


@pytest.mark.parametrize("needed", [1, 2, 3])
async def test_as_many_different_people_as_the_policy_says(tmp_path: Path, needed: int) -> None:
    hosts = memory_hosts()
    more = {"eve": Person(id="eve", name="Eve", accounts=("T1/U-eve",), may=frozenset({May.APPROVE}))}
    people = [ROSTER.people["bo"], ROSTER.people["cy"], more["eve"]]
    plan = plan_data(approvals={"needed": needed})
    async with bot(tmp_path, hosts) as first:
        b = restarted(first, roster=Roster({**ROSTER.people, **more}), plan=plan)
        run_id = await b.ask()
        for person in people[: needed - 1]:
            await b.service.approve(run_id, Actor(person=person, account=Account(id=person.accounts[0]), way="button"))
            await assert_not_claimed(b, run_id)
        last = people[needed - 1]
        await b.service.approve(run_id, Actor(person=last, account=Account(id=last.accounts[0]), way="button"))

        view = await b.until(run_id, RunStatus.SUCCEEDED)
        assert len(view.tally.ignored + view.tally.counted) == needed


# -- taking it away, vetoes, withdrawals -----------------------------------------------------------------------


async def test_an_approval_taken_away_before_the_quorum_does_not_count(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        await b.service.remove_approval(run_id, actor("bo"))
        await b.service.approve(run_id, actor("cy"))

        assert (await assert_not_claimed(b, run_id)).tally.counted == ("cy",)


async def test_an_approval_taken_away_during_the_last_look_is_not_spent(tmp_path: Path) -> None:
    """Between quorum and claim: the quorum was there, and is not there any more when it is to be spent."""
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        hosts.meanwhile = lambda: b.service.remove_approval(run_id, actor("bo"))
        await b.service.approve(run_id, actor("cy"))

        assert (await assert_not_claimed(b, run_id)).tally.counted == ("cy",)
        await b.service.approve(run_id, actor("bo"))
        await b.until(run_id, RunStatus.SUCCEEDED)


async def test_an_approval_taken_away_at_the_board_unseen_is_not_spent(tmp_path: Path) -> None:
    """The event was lost; the witness finds at the claim that the reaction no longer stands."""
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        b.witness.before_claim = lambda run: b.service.remove_approval(run, actor("bo"))
        await b.service.approve(run_id, actor("cy"))

        assert (await assert_not_claimed(b, run_id)).tally.counted == ("cy",)


async def test_an_approval_taken_away_at_the_board_during_the_last_look_unseen_is_not_spent(tmp_path: Path) -> None:
    """A look takes as long as its slowest probe; whoever can hold back Slack's events gains nothing by it."""
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))

        async def meanwhile() -> None:
            b.witness.before_claim = lambda run: b.service.remove_approval(run, actor("bo"))

        hosts.meanwhile = meanwhile
        await b.service.approve(run_id, actor("cy"))

        assert (await assert_not_claimed(b, run_id)).tally.counted == ("cy",)


async def test_a_crossing_is_written_down_although_the_witness_is_silent(tmp_path: Path) -> None:
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        b.service.witness = Silent(at="reconcile")
        hosts.answers[QUESTION] = printed("yes")
        await b.service.approve(run_id, actor("cy"))

        await assert_ended_untouched(b, run_id, "computes-converted is CROSSED (c: yes)")


async def test_taking_an_approval_away_after_the_claim_is_refused_with_words(tmp_path: Path) -> None:
    hosts = memory_hosts()
    hosts.hold["stop@a"] = asyncio.Event()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        await b.until(run_id, RunStatus.RUNNING)
        with pytest.raises(RefusedError, match="its approvals are spent"):
            await b.service.remove_approval(run_id, actor("bo"))
        with pytest.raises(RefusedError, match="does not wait for approvals; it is running"):
            await b.service.approve(run_id, actor("bo"))
        hosts.hold["stop@a"].set()
        await b.until(run_id, RunStatus.SUCCEEDED)


async def test_approving_removing_and_vetoing_at_once_never_claims_without_a_standing_quorum(tmp_path: Path) -> None:
    """Whatever order they come in, the journal shows two standing approvals before any CLAIMED."""
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        calls = []
        for _ in range(15):
            calls += [b.service.approve(run_id, actor("bo")), b.service.remove_approval(run_id, actor("bo"))]
            calls += [b.service.approve(run_id, actor("cy")), b.service.remove_approval(run_id, actor("cy"))]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(each, RefusedError) for each in answers if isinstance(each, BaseException))

        standing: set[str] = set()
        async with b.store.look() as tx:
            for entry in await tx.entries(run_id):
                if entry.kind is Kind.APPROVED:
                    standing.add(entry.data["person"])
                elif entry.kind is Kind.APPROVAL_REMOVED:
                    standing.discard(entry.data["person"])
                elif entry.kind is Kind.CLAIMED:
                    assert standing == {"bo", "cy"}
        if (await b.service.run(run_id)).state.status.driven:
            await b.until(run_id, RunStatus.SUCCEEDED)


async def test_a_veto_during_the_last_look_wins(tmp_path: Path) -> None:
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        hosts.meanwhile = lambda: b.service.deny(run_id, actor("dee"), "the database is fine")
        await b.service.approve(run_id, actor("cy"))

        await assert_ended_untouched(b, run_id, "the database is fine", status=RunStatus.VETOED)


async def test_a_veto_and_the_claim_at_once_end_in_one_of_the_two(tmp_path: Path) -> None:
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        for _ in range(5):
            run_id = await b.ask()
            await b.service.approve(run_id, actor("bo"))
            hosts.effects.clear()
            _, veto = await asyncio.gather(
                b.service.approve(run_id, actor("cy")),
                b.service.deny(run_id, actor("dee")),
                return_exceptions=True,
            )
            view = await b.until(run_id, RunStatus.SUCCEEDED, RunStatus.VETOED)

            claimed = Kind.CLAIMED in await kinds(b, run_id)
            assert claimed is (view.state.status is RunStatus.SUCCEEDED)
            assert claimed is isinstance(veto, RefusedError)
            assert bool(hosts.effects) is claimed


async def test_one_person_without_the_right_to_approve_can_veto(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        await b.service.deny(run_id, actor("dee"), "not now")

        await assert_ended_untouched(b, run_id, "not now", status=RunStatus.VETOED)
        with pytest.raises(RefusedError, match="it is vetoed"):
            await b.service.approve(run_id, actor("cy"))
        assert (await b.service.run(run_id)).state.by == "dee"


async def test_a_running_run_cannot_be_vetoed_or_withdrawn(tmp_path: Path) -> None:
    hosts = memory_hosts()
    hosts.hold["stop@a"] = asyncio.Event()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        await b.until(run_id, RunStatus.RUNNING)
        with pytest.raises(RefusedError, match="cannot be vetoed; `abort` stops"):
            await b.service.deny(run_id, actor("dee"))
        with pytest.raises(RefusedError, match="cannot be withdrawn"):
            await b.service.withdraw(run_id, actor("ana"))
        hosts.hold["stop@a"].set()
        await b.until(run_id, RunStatus.SUCCEEDED)


async def test_only_the_requester_withdraws(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        with pytest.raises(RefusedError, match="only who asked"):
            await b.service.withdraw(run_id, actor("bo"))
        await assert_not_claimed(b, run_id)
        await b.service.withdraw(run_id, actor("ana"), "solved otherwise")

        await assert_ended_untouched(b, run_id, "solved otherwise", status=RunStatus.WITHDRAWN)


# -- between the click and the claim ---------------------------------------------------------------------------

TURNED = {
    "deactivated": Account(id="T1/U-bo", deleted=True),
    "guest": Account(id="T1/U-bo", guest=True),
    "bot": Account(id="T1/U-bo", bot=True),
    "stranger": Account(id="T1/U-bo", stranger=True),
    "not described": Account(id="T1/U-bo", known=False),
    "described as another": Account(id="T1/U-nobody"),
}


@pytest.mark.parametrize("turned", TURNED)
async def test_an_approver_who_no_longer_counts_at_the_claim_is_dropped(tmp_path: Path, turned: str) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        b.witness.accounts["T1/U-bo"] = TURNED[turned]
        await b.service.approve(run_id, actor("cy"))

        view = await assert_not_claimed(b, run_id)
        assert [approval.person for approval in view.state.approvals] == ["cy"]
        assert Kind.APPROVAL_REMOVED in await kinds(b, run_id)


class Silent(Vouching):
    """A chat service that is away."""

    def __init__(self, *, at: str) -> None:
        super().__init__()
        self.at = at

    async def account(self, account_id: str) -> Account:
        if self.at == "account":
            raise RefusedError("the chat service does not answer")
        return await super().account(account_id)

    async def reconcile(self, run_id: str) -> None:
        if self.at == "reconcile":
            raise RefusedError("the chat service does not answer")


@pytest.mark.parametrize("at", ["account", "reconcile"])
async def test_without_the_witness_nothing_is_claimed_until_it_answers(tmp_path: Path, at: str) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        b.service.witness = Silent(at=at)
        with pytest.raises(RefusedError, match="does not answer"):
            await b.service.approve(run_id, actor("cy"))
        await assert_not_claimed(b, run_id)
        await b.service.sweep()
        await assert_not_claimed(b, run_id)

        b.service.witness = b.witness
        await b.service.sweep()
        await b.until(run_id, RunStatus.SUCCEEDED)


async def test_a_person_taken_off_the_roster_no_longer_counts(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as first:
        run_id = await first.ask()
        await first.service.approve(run_id, actor("bo"))
        b = restarted(first, roster=roster_without("bo"))
        await b.service.approve(run_id, actor("cy"))

        assert (await assert_not_claimed(b, run_id)).tally.counted == ("cy",)


async def test_an_approver_who_lost_the_right_no_longer_counts(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as first:
        run_id = await first.ask()
        await first.service.approve(run_id, actor("bo"))
        lesser = replace(ROSTER.people["bo"], may=frozenset({May.OPERATE}))
        b = restarted(first, roster=Roster({**ROSTER.people, "bo": lesser}))
        await b.service.approve(run_id, actor("cy"))

        assert (await assert_not_claimed(b, run_id)).tally.counted == ("cy",)


async def test_an_account_given_to_another_person_carries_no_approval_over(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as first:
        run_id = await first.ask()
        await first.service.approve(run_id, actor("bo"))
        people = {**roster_without("bo").people}
        people["flo"] = Person(id="flo", name="Flo", accounts=("T1/U-bo",), may=frozenset({May.APPROVE}))
        b = restarted(first, roster=Roster(people))
        await b.service.approve(run_id, actor("cy"))

        assert (await assert_not_claimed(b, run_id)).tally.counted == ("cy",)


async def test_a_requester_renamed_on_the_roster_cannot_approve_as_somebody_new(tmp_path: Path) -> None:
    """Nobody's approval counts once it is no longer known who asked."""
    async with bot(tmp_path, memory_hosts()) as first:
        run_id = await first.ask()
        renamed = Person(id="anna", name="Anna", accounts=("T1/U-ana",), may=frozenset({May.APPROVE}))
        b = restarted(first, roster=Roster({**roster_without("ana").people, "anna": renamed}))
        await b.service.approve(run_id, Actor(person=renamed, account=Account(id="T1/U-ana"), way="reaction"))
        await b.service.approve(run_id, actor("bo"))

        view = await assert_not_claimed(b, run_id)
        assert view.tally.counted == ()
        assert "no longer on the roster under the same name" in view.tally.ignored[0][1]


# -- time ------------------------------------------------------------------------------------------------------


async def test_expired_at_the_claim_although_not_at_the_click(tmp_path: Path) -> None:
    """The last look takes so long that the time is up when the approvals are to be spent."""
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts, plan=plan_data(approvals={"needed": 2, "expires_min": 1})) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))

        async def a_minute_passes() -> None:
            b.clock.shift = timedelta(seconds=61)

        hosts.meanwhile = a_minute_passes
        await b.service.approve(run_id, actor("cy"))

        assert (await assert_not_claimed(b, run_id)).tally.counted == ()
        await b.service.sweep()
        await assert_ended_untouched(b, run_id, "quorum was not reached by", status=RunStatus.EXPIRED)


async def test_expired_at_the_click(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        b.clock.shift = timedelta(minutes=30)
        with pytest.raises(RefusedError, match="expired at"):
            await b.service.approve(run_id, actor("cy"))
        await assert_not_claimed(b, run_id)
        await b.service.sweep()

        await assert_ended_untouched(b, run_id, status=RunStatus.EXPIRED)


@pytest.mark.parametrize("minutes", [-60, -1])
async def test_a_clock_that_goes_back_makes_approvals_count_for_nothing(tmp_path: Path, minutes: int) -> None:
    """Neither those given before it went back (dated in the future) nor those given after (before the request)."""
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        b.clock.shift = timedelta(minutes=minutes)
        await b.service.approve(run_id, actor("cy"))

        assert (await assert_not_claimed(b, run_id)).tally.counted == ()


async def test_a_clock_a_little_behind_stops_nothing_and_a_stale_approval_can_be_given_again(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        b.clock.shift = timedelta(seconds=60)
        run_id = await b.ask()
        b.clock.shift = timedelta(seconds=120)
        await b.service.approve(run_id, actor("bo"))
        b.clock.shift = timedelta(seconds=90)
        await b.service.approve(run_id, actor("cy"))
        assert (await assert_not_claimed(b, run_id)).tally.counted == ("cy",)

        await b.service.approve(run_id, actor("bo"))
        await b.until(run_id, RunStatus.SUCCEEDED)


# -- the store -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def failing(b: Bot, *, nth: int) -> AsyncIterator[None]:
    """Let the *nth* writing transaction from now on do its work and fail instead of committing."""
    real, count = b.store.begin, 0

    @asynccontextmanager
    async def begin(*, urgent: bool = False) -> AsyncIterator[Transaction]:
        nonlocal count
        count += 1
        async with real(urgent=urgent) as tx:
            yield tx
            if count == nth:
                raise StoreUnavailableError("the disk is full; nothing was recorded")

    b.store.begin = begin  # type: ignore[method-assign]
    try:
        yield
    finally:
        b.store.begin = real  # type: ignore[method-assign]


async def test_an_approval_that_cannot_be_written_did_not_happen(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        async with failing(b, nth=1):
            with pytest.raises(StoreUnavailableError):
                await b.service.approve(run_id, actor("bo"))

        assert (await assert_not_claimed(b, run_id)).state.approvals == ()
        await _books_are_in_order(b, run_id)


async def test_a_claim_that_cannot_be_written_did_not_happen(tmp_path: Path) -> None:
    """Approval kept, claim, its entry, its audit line and its message all undone; the sweep tries it again."""
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        async with failing(b, nth=2):
            with pytest.raises(StoreUnavailableError):
                await b.service.approve(run_id, actor("cy"))

        view = await assert_not_claimed(b, run_id)
        assert view.tally.reached
        await _books_are_in_order(b, run_id)
        await b.service.sweep()
        await b.until(run_id, RunStatus.SUCCEEDED)


async def _books_are_in_order(b: Bot, run_id: str) -> None:
    """Each entry of the journal has its line in the audit, and the audit has none beside."""
    async with b.store.look() as tx:
        entries = await tx.entries(run_id)
        head = await tx.audit_head()
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert head.n == len(entries)


async def test_one_runs_trouble_does_not_keep_the_sweep_from_the_others(tmp_path: Path) -> None:
    """The newer run cannot be judged, for its witness is silent; the older one's time is up and it ends."""
    async with bot(tmp_path, memory_hosts()) as first:
        b = restarted(first, inventory=(target(), replace(target(), id="other")))
        old = await b.ask()
        b.clock.shift = timedelta(minutes=20)
        new = await b.ask(target="other", typed="other")
        await b.service.approve(new, actor("bo"))
        b.service.witness = Silent(at="reconcile")
        with pytest.raises(RefusedError):
            await b.service.approve(new, actor("cy"))
        b.clock.shift = timedelta(minutes=31)
        await b.service.sweep()

        assert (await b.service.run(old)).state.status is RunStatus.EXPIRED
        assert (await b.service.run(new)).state.status is RunStatus.WAITING
