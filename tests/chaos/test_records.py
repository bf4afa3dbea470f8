"""Figures are added up from what was written down about each trial, over any number of interruptions."""

from collections import Counter
from pathlib import Path

import pytest

from chaos.figures import Figures
from chaos.judging import Findings
from chaos.records import Record, Records, record
from chaos.trial import Result, Trial


def result(seed: int, **findings: list[str]) -> Result:
    return Result(
        trial=Trial(kind="storm", seed=seed),
        database="sqlite",
        kills=2,
        faults=Counter({"link dropped": 3}),
        runs=1,
        seconds=4.0,
        last_words=["after commit: claim"],
        findings=Findings(**findings),
    )


def test_an_interrupted_campaign_goes_on_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    file = tmp_path / "campaign"
    first = Records(file)
    first.add(record(result(1), {"forward@after commit: claim#1": True}))
    first.add(record(result(2), {}))
    with file.open("a") as cut_off:
        cut_off.write('{"database": "sqlite", "kills": 99')

    second = Records(file)
    second.add(record(result(3, twice=["stop@a"]), {"forward@after commit: claim#1": False}))

    found = Records(file)
    assert [one["trial"] for one in found.of("sqlite")] == ["storm:1", "storm:2", "storm:3"]
    assert found.of("postgres") == []
    figures = Figures.of("sqlite", found.of("sqlite")).as_data()
    assert (figures["trials"], figures["faults"], figures["kills"], figures["runs"]) == (3, 15, 6, 3)
    assert (figures["points_played"], figures["different_points_killed_at"]) == (1, 1)
    assert figures["by_kind"] == {"bot killed (SIGKILL)": 6, "link dropped": 9}


def test_each_kind_of_damage_is_a_figure_and_keeps_its_trial() -> None:
    damages = {"twice": ["x"], "lost": ["x", "y"], "stuck": ["x"], "wrong": ["x"]}
    records: list[Record] = [record(result(n, **{name: found}), {}) for n, (name, found) in enumerate(damages.items())]
    figures = Figures.of("sqlite", [*records, record(result(9), {})])
    data = figures.as_data()
    assert data["actions_run_twice"] == 1
    assert data["lost_outcomes"] == 2
    assert data["stuck_without_a_person_asked"] == 1
    assert data["otherwise_wrong"] == 1
    assert not figures.clean
    assert [one["trial"] for one in data["failures"]] == ["storm:0", "storm:1", "storm:2", "storm:3"]


def test_what_failed_once_only_is_told_and_is_no_failure() -> None:
    figures = Figures.of("sqlite", [record(result(1), {}, ["stuck: R-1"]), record(result(2), {})])

    assert figures.clean
    assert figures.as_data()["trials_that_failed_once_only"] == 1


@pytest.mark.parametrize(
    ("found", "is_tried_again"),
    [
        ({}, False),
        ({"stuck": ["x"]}, True),
        ({"wrong": ["x"]}, True),
        ({"stuck": ["x"], "twice": ["x"]}, False),
        ({"wrong": ["x"], "lost": ["x"]}, False),
        ({"stuck": ["x"], "broken": ["acted before it was written"]}, False),
    ],
)
def test_only_what_slowness_explains_is_tried_again(found: dict[str, list[str]], is_tried_again: bool) -> None:
    assert Findings(**found).may_be_slowness == is_tried_again


def test_points_not_tried_yet_are_told_from_those_that_were_missed() -> None:
    figures = Figures.of("sqlite", [record(result(1), {"a": True, "b": False})])
    figures.points_left = ["b", "c"]
    data = figures.as_data()
    assert (data["points_enumerated"], data["points_played"], data["points_hit"]) == (3, 2, 1)
