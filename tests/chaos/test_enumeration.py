"""Which points are killed at together, and that none is forgotten."""

import random
from itertools import pairwise

import pytest

from chaos.enumeration import DEATHS, Enumeration
from chaos.replaying import trial_of
from chaos.spec import Kill
from chaos.trial import Trial

#: A step is passed thirty times; half of its points have the same name.
ROUTE = tuple(f"point {n // 2 if n % 2 else n}" for n in range(30))
ROUTES = {("forward", False): ROUTE, ("back", True): ("before commit: claim", "before dial: host-1", "before slack: x")}


def enumeration() -> Enumeration:
    return Enumeration(ROUTES, random.Random(1))


def kills_of(trial: Trial) -> list[Kill]:
    assert trial.kills is not None
    return list(trial.kills(random.Random(1)))


def all_trials(points: Enumeration) -> list[Trial]:
    return list(iter(points.next, None))


def test_every_passing_is_killed_at_once_and_those_of_one_trial_are_far_apart() -> None:
    trials = all_trials(enumeration())
    points = [point for trial in trials for point in trial.points]
    assert len(points) == len(set(points)) == len(ROUTE) + 2
    assert all(len(trial.points) <= DEATHS for trial in trials)
    forward = [[ROUTE.index(kill.label) for kill in kills_of(trial)] for trial in trials if not trial.chat]
    assert all(later > earlier for places in forward for earlier, later in pairwise(places))


def test_with_a_chat_only_what_is_not_killed_at_without_one() -> None:
    chat = {point for trial in all_trials(enumeration()) if trial.chat for point in trial.points}
    assert chat == {"back-chat@before commit: claim#1", "back-chat@before slack: x#1"}


def test_a_victim_counts_from_its_own_start() -> None:
    routes = {("forward", False): ("a", "a", "b", "a", "a")}
    [trial] = all_trials(Enumeration(routes, random.Random(1), done={"forward@a#1", "forward@a#3", "forward@a#4"}))
    assert trial.points == ("forward@a#2", "forward@b#1")
    assert kills_of(trial) == [Kill(label="a", nth=2), Kill(label="b", nth=1)]
    [trial] = all_trials(Enumeration(routes, random.Random(1), done={"forward@a#1", "forward@a#3", "forward@b#1"}))
    assert kills_of(trial) == [Kill(label="a", nth=2), Kill(label="a", nth=2)]


def test_what_was_not_reached_is_tried_again_alone_and_the_rest_after_it_too() -> None:
    points = enumeration()
    trial = max(all_trials(points), key=lambda each: len(each.points))
    first, second, *rest = trial.points

    assert points.settle(trial, 1) == {first: True}
    again = all_trials(points)
    assert [each.points for each in again] == [(second,), tuple(rest)]
    assert points.settle(again[0], 0) == {second: False}
    assert points.settle(again[1], len(rest)) == dict.fromkeys(rest, True)
    assert points.next() is None


def test_one_of_each_kind() -> None:
    routes = {("forward", False): ("after commit: done stop@a", "after commit: done stop@b", "after commit: claim")}
    points = [p for t in all_trials(Enumeration(routes, random.Random(1), kinds_only=True)) for p in t.points]
    assert len(points) == 2
    assert points[1] == "forward@after commit: claim#1"


@pytest.mark.parametrize("trial", all_trials(enumeration()), ids=lambda trial: trial.about[:20])
def test_it_is_played_again_by_its_words(trial: Trial) -> None:
    again = trial_of(trial.about)
    assert (again.way, again.chat, kills_of(again)) == (trial.way, trial.chat, kills_of(trial))
