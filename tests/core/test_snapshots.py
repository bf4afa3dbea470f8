"""Snapshots: which of the ledger's a plan restores, and what is refused before anyone is asked to approve."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.errors import RefusedError
from core.ledger import Hop, Ledger, Snapshot, Upgrade
from core.resolve import ResolvedPlan
from core.words import in_words
from tests.core.making import SNAPSHOT, T0, make_ledger, resolved

BEGAN = T0 + timedelta(hours=10)
UPGRADE = Upgrade(origin="ocata", destination="newton", started_at=BEGAN, by="ana")
FULL = replace(SNAPSHOT, covers="keystone, nova\tneutron", engine_version="10.6.16-MariaDB", release="ocata", host="c2")


def back(need: dict[str, Any], snapshot: Snapshot = FULL, ledger: Ledger | None = None, **more: Any) -> ResolvedPlan:
    found = ledger or make_ledger(upgrade=UPGRADE, snapshots={snapshot.name: snapshot})
    return resolved(ledger=found, snapshots={"db": {"kind": "dump", **need}}, **more)


@pytest.mark.parametrize("engine", ["10", "10.6", "10.6.16", "10.6.16-MariaDB", "{baseline.major}", "{baseline.own}"])
def test_the_engine_that_wrote_it(engine: str) -> None:
    """Of per-host facts that of the host it lies on counts."""
    baseline = {"major": "10.6", "own@c1": "5", "own@c2": "10.6"}

    back({"engine": engine}, ledger=make_ledger(snapshots={"db": FULL}, baseline=baseline))


@pytest.mark.parametrize("engine", ["1", "10.6.1", "10.61", "10.6.160", "11", "10.6.16-Maria"])
def test_another_engine(engine: str) -> None:
    with pytest.raises(RefusedError, match=r"the ledger says '10.6.16-MariaDB'"):
        back({"engine": engine})


def test_an_engine_nobody_recorded_is_none() -> None:
    with pytest.raises(RefusedError, match=r"has to be of the engine 10.6; the ledger says 'nothing'"):
        back({"engine": "10.6"}, replace(FULL, engine_version=""))


def test_a_baseline_that_was_not_recorded() -> None:
    with pytest.raises(RefusedError, match=r"'{baseline.major}' has no value here; record it with `belay baseline`"):
        back({"engine": "{baseline.major}"})


def test_what_it_covers() -> None:
    back({"covers": ["nova", "keystone"]})
    with pytest.raises(RefusedError, match=r"has to cover nova, glance; .*, without glance"):
        back({"covers": ["nova", "glance"]})
    with pytest.raises(RefusedError, match=r"without nov "):
        back({"covers": ["nov"]})


@pytest.mark.parametrize(("hours", "fits"), [(-1, False), (0, True), (10, True), (72, True), (72.1, False)])
def test_when_it_was_taken(hours: float, fits: bool) -> None:
    snapshot = replace(FULL, taken_at=BEGAN - timedelta(hours=hours))
    need = {"max_before_upgrade_h": 72}
    if fits:
        back(need, snapshot)
        return
    with pytest.raises(
        RefusedError, match=r"the ledger says it was taken 2026-\d\d-\d\d \d\d:\d\d UTC and the upgrade"
    ):
        back(need, snapshot)


def test_before_which_upgrade_nobody_knows() -> None:
    with pytest.raises(RefusedError, match=r"none is recorded for 'east'"):
        back({"max_before_upgrade_h": 72}, ledger=make_ledger(snapshots={"db": FULL}))


CHOOSE: dict[str, Any] = {"parameters": {"region": {"default": "east"}, "snapshot": {"default": "s1"}}}
THREE = {name: replace(FULL, name=name, release=f"release-{name}", place=f"/{name}") for name in ("s1", "s2", "s3")}


@pytest.mark.parametrize("chosen", ["s1", "s2"])
def test_the_requester_chooses_one_of_the_ledger_s(chosen: str) -> None:
    plan = back(
        {"name": "{snapshot}"},
        ledger=make_ledger(snapshots=THREE),
        given={"snapshot": chosen},
        to="{snapshot.db.release}",
        **CHOOSE,
    )
    restore = plan.unit("restore@c1").do

    assert restore is not None
    assert restore.argv == ("db", "restore", f"/{chosen}")
    assert plan.destination == f"release-{chosen}"


def test_one_that_is_not_there() -> None:
    with pytest.raises(RefusedError, match=r"'s4' and none is recorded for 'east'; known: s1, s2, s3"):
        back({"name": "{snapshot}"}, ledger=make_ledger(snapshots=THREE), given={"snapshot": "s4"}, **CHOOSE)


def test_releases_the_ledger_knows() -> None:
    hops = (
        Hop(origin="ocata", destination="pike", began_at=T0, ended_at=T0, by="ana"),
        Hop(origin="pike", destination="newton", began_at=T0, by="ana"),
    )
    ledger = make_ledger(upgrade=UPGRADE, hops=hops, snapshots={"db": FULL})
    stop = {"stop": {"do": {"argv": ["svc", "{hop.current}", "{hop.open}", "{upgrade.origin}"], "timeout_s": 1}}}

    route: dict[str, Any] = {"from": "{upgrade.destination}", "to": "{hop.current}"}
    plan = resolved(stop, ledger=ledger, **route)
    do = plan.unit("stop@c1").do

    assert (plan.origin, plan.destination) == ("newton", "pike")
    assert do is not None
    assert do.argv == ("svc", "pike", "newton", "ocata")


def test_without_hops_it_stands_at_the_origin() -> None:
    stop = {"stop": {"do": {"argv": ["svc", "{hop.current}", "{hop.open}"], "timeout_s": 1}}}
    do = resolved(stop, ledger=make_ledger(upgrade=UPGRADE)).unit("stop@c1").do

    assert do is not None
    assert do.argv == ("svc", "ocata", "none")
    with pytest.raises(RefusedError, match=r"record it with `belay upgrade begin`"):
        resolved(stop)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ocata", "ocata"),
        ("{snapshot.db.release}", "the release of the snapshot 'db'"),
        ("{snapshot.db.engine_version}", "the engine version of the snapshot 'db'"),
        ("{upgrade.destination}", "the release of the upgrade"),
        ("{baseline.release}", "the recorded 'release'"),
        ("{region} 2", "the 'region' of the request 2"),
    ],
)
def test_what_only_the_ledger_knows_is_said_in_words(text: str, said: str) -> None:
    assert in_words(text) == said
