"""Each safeguard taken out on purpose: the model has to find what then goes wrong, or it proves nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis.stateful import run_state_machine_as_test

import chaos.weaken
import core.schedule
from bot.service import BelayService
from bot.slack_reactions import Reactions
from bot.unit_work import Result, UnitWork
from core.approvals import Subject
from core.journal import Kind
from core.people import Account, Person, Roster
from core.run import Run
from core.state import UnitState
from core.wishes import Draft
from store.audit import AuditPart
from store.locks import LocksPart
from tests.model.machine import Asking, Model
from tests.model.searching import CONTROL
from tests.model.world import ViolatedError

Weaken = Callable[[str], None]


@pytest.fixture
def weaken(monkeypatch: pytest.MonkeyPatch) -> Weaken:
    """The same ways as in the chaos harness, for one test."""
    monkeypatch.setattr(chaos.weaken, "_replace", monkeypatch.setattr)
    return chaos.weaken.apply


def found(machine: type[Asking] = Model) -> str:
    """Search until an invariant is broken; return which."""
    with pytest.raises(ViolatedError) as broken:
        run_state_machine_as_test(machine, settings=CONTROL)
    return broken.value.name


def test_without_the_fence_a_driver_that_was_replaced_goes_on(weaken: Weaken) -> None:
    weaken("no-fence")

    assert found() == "fence"


def test_without_the_intent_first_something_runs_that_stands_nowhere(weaken: Weaken) -> None:
    weaken("act-first")

    assert found() == "intent"


def test_without_the_claim_written_nobody_knows_what_was_spent(weaken: Weaken) -> None:
    weaken("spend-nothing")

    assert found() == "claim"


def test_a_claim_apart_from_the_start_is_spent_without_one(weaken: Weaken) -> None:
    weaken("claim-apart")

    assert found() == "claim"


def test_without_the_inbox_what_comes_again_is_done_again(weaken: Weaken) -> None:
    weaken("take-twice")

    assert found() == "inbox"


def test_starting_again_instead_of_attaching_acts_without_an_intent(weaken: Weaken) -> None:
    weaken("run-again")

    assert found() in ("intent", "again")


def test_saying_that_it_never_ran_without_asking_the_host_runs_it_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    async def guess(self: UnitWork, _state: UnitState) -> Result:
        return Result(drafts=(Draft(kind=Kind.NEVER_RAN, unit=self.unit.key),))

    monkeypatch.setattr(UnitWork, "recover", guess)

    assert found() in ("again", "late", "two at once")


def test_a_requester_who_counts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole: Callable[[Run], Subject] = vars(Run)["subject"].fget

    def barring_nobody(self: Run) -> Subject:
        return replace(whole(self), barred=frozenset())

    monkeypatch.setattr(Run, "subject", property(barring_nobody))

    assert found(Asking) == "quorum"


def test_an_account_that_counts_whatever_it_is_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def anybody(self: Roster, account: Account) -> Person:
        return next(person for person in self.people.values() if account.id in person.accounts)

    monkeypatch.setattr(Roster, "person_of", anybody)

    assert found(Asking) == "quorum"


@pytest.mark.slow  # it takes half a minute to meet the right moment
def test_a_reaction_that_counts_after_it_was_taken_away_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(self: Reactions, *_what: Any) -> None:
        return None

    monkeypatch.setattr(Reactions, "_take_away", nothing)

    assert found(Asking) == "quorum"


def test_not_looking_at_the_verdict_at_the_claim_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BelayService, "_why_not", lambda *_what: "")

    assert found(Asking) == "point of no return"


@pytest.mark.slow  # the same; `crossed_meanwhile` in test_points.py meets it for certain
def test_not_looking_at_the_verdict_before_the_step_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.schedule, "_blocking", lambda *_what: ())

    assert found(Asking) == "point of no return"


def test_without_the_lock_two_runs_act_on_one_target(monkeypatch: pytest.MonkeyPatch) -> None:
    async def free(self: LocksPart, target: str, run_id: str = "") -> None:
        return None

    async def lock(self: LocksPart, *_what: Any) -> None:
        return None

    monkeypatch.setattr(LocksPart, "check_free", free)
    monkeypatch.setattr(LocksPart, "lock_target", lock)

    assert found() == "two at once"


def test_an_entry_that_is_not_audited_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    audit_all = AuditPart.audit_all

    async def some(self: AuditPart, said: Any) -> Any:
        kept = [each for each in said if each.what != "journal.acted"]
        return await audit_all(self, kept) if kept else await self.audit_head()

    monkeypatch.setattr(AuditPart, "audit_all", some)

    assert found() == "audit"
