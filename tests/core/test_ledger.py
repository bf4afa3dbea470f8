"""The chain of hops: where it stands, and how it may go on."""

from dataclasses import replace
from datetime import datetime

import pytest

from core.errors import RefusedError
from core.ledger import Hop, Ledger, Upgrade, check_hop, check_hop_done
from tests.core.making import SNAPSHOT, T0, later

UPGRADE = Upgrade(origin="n", destination="q", started_at=T0, by="ana")


def hop(origin: str, destination: str, *, open_: bool = False) -> Hop:
    ended: datetime | None = None if open_ else later(20)
    return Hop(origin=origin, destination=destination, began_at=later(10), ended_at=ended, by="ana")


def ledger(*hops: Hop) -> Ledger:
    return Ledger(target="east", upgrade=UPGRADE, hops=hops, snapshots={"db": SNAPSHOT})


@pytest.mark.parametrize(
    ("hops", "release", "open_to"),
    [
        ((), "n", None),
        ((hop("n", "o", open_=True),), "n", "o"),
        ((hop("n", "o"),), "o", None),
        ((hop("n", "o"), hop("o", "p", open_=True)), "o", "p"),
        ((hop("n", "o"), hop("o", "p")), "p", None),
    ],
)
def test_where_the_chain_stands(hops: tuple[Hop, ...], release: str, open_to: str | None) -> None:
    found = ledger(*hops)

    assert found.release == release
    assert (found.open_hop.destination if found.open_hop else None) == open_to


def test_without_an_upgrade_it_stands_nowhere() -> None:
    assert Ledger(target="east").release == ""


def test_a_hop_begins_where_the_last_one_ended() -> None:
    check_hop(ledger(), "n", "o")
    check_hop(ledger(hop("n", "o")), "o", "p", "db")


@pytest.mark.parametrize(
    ("found", "asked", "why"),
    [
        (replace(ledger(), upgrade=None), ("n", "o"), "belay upgrade begin east"),
        (ledger(), ("o", "p"), "the upgrade began at 'n', not at 'o'"),
        (ledger(hop("n", "o")), ("n", "o"), "the last hop ended at 'o', not at 'n'"),
        (ledger(hop("n", "o", open_=True)), ("o", "p"), "hop-done east --to o"),
        (ledger(), ("n", "n"), "goes to another release"),
        (ledger(), ("n", "o", "dbs"), "did you mean 'db'"),
    ],
)
def test_a_hop_that_cannot_begin(found: Ledger, asked: tuple[str, ...], why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        check_hop(found, *asked)


def test_the_open_hop_ends() -> None:
    assert check_hop_done(ledger(hop("n", "o", open_=True)), "o").destination == "o"


@pytest.mark.parametrize(
    ("hops", "why"),
    [((), "no hop of 'east' is open"), ((hop("n", "o"),), "is open"), ((hop("n", "p", open_=True),), "goes to 'p'")],
)
def test_a_hop_that_cannot_end(hops: tuple[Hop, ...], why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        check_hop_done(ledger(*hops), "o")
