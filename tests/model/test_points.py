"""
One history, disturbed at each of its points in turn: what chance rarely meets is met for certain.

A request that two people agree to passes some 170 points on its way to the end. `FOUND` are those at which something
was wrong once; they are always played, with a few others. All of them are played in the slow run.
"""

import math
from collections.abc import Callable, Iterator

import pytest

from tests.model.machine import Model
from tests.model.steering import bring_to_an_end, steer
from tests.model.world import ALL, ViolatedError, World

EVERY = range(175)
HOSTS = ("a", "b", "c")
#: A replica that stops at one of these has a call to a host in its hands.
LATE = (38, 39, 40, 76, 91, 106, 121)


@pytest.fixture
def model() -> Iterator[Model]:
    made = Model()
    yield made
    made.world.close()


def agreed(model: Model, points: int) -> World:
    """Asked for and agreed to; the first replica goes on from the second "yes" for so many points."""
    model.ask("U-ana", 0, ALL)
    model.agree("U-bo", "reaction", 0, ALL)
    model.agree("U-cy", "reaction", 0, points)
    return model.world


def stands_still(world: World) -> None:
    """The only machine stands still for longer than a look at the points of no return holds."""
    world.loop.go_on(1_700)
    world.replicas[0].go_on(ALL)


def crossed_meanwhile(world: World) -> None:
    """The same, and somebody goes past the point of no return meanwhile."""
    world.hosts.cross()
    world.loop.go_on(130)
    world.replicas[0].go_on(ALL)


def dies(world: World) -> None:
    world.kill(0)
    world.take_over(1, points=ALL)


def is_replaced_and_wakes(world: World) -> None:
    world.take_over(1, points=ALL)
    world.replicas[0].go_on(ALL)


def wakes_beside_another(world: World) -> None:
    world.take_over(1, points=5)
    world.replicas[0].go_on(7)
    world.replicas[1].go_on(3)
    world.replicas[0].go_on(ALL)


def wakes_after_a_person_retried(world: World) -> None:
    """No host answers the successor, so a person looks and has it done again; then the frozen one makes its call."""
    _decided_without_the_host(world, "settle", "retry")


def wakes_after_a_person_skipped(world: World) -> None:
    """The same, and the person says that it is not needed: nobody goes to its host any more, and its key is free."""
    _decided_without_the_host(world, "settle", "skip")


def _decided_without_the_host(world: World, *verbs: str) -> None:
    world.hosts.unreachable = set(HOSTS)
    world.take_over(1, points=ALL)
    world.loop.go_on(200)
    world.replicas[1].go_on(ALL)
    world.hosts.unreachable = set()
    for verb in verbs:
        steer(world, "U-cy", verb, 1, ALL)
    world.replicas[0].go_on(ALL)


#: A replica that stops at one of these is about to begin the guarded step.
GUARDED = (70, 71, 72, 73, 74, 75)

#: What happens -> the points at which it went wrong once.
FOUND: dict[Callable[[World], None], tuple[int, ...]] = {
    stands_still: GUARDED,
    crossed_meanwhile: GUARDED,
    dies: (),
    is_replaced_and_wakes: (),
    wakes_beside_another: (),
    wakes_after_a_person_retried: LATE,
    wakes_after_a_person_skipped: LATE,
}


def play(model: Model, happens: Callable[[World], None], point: int) -> None:
    world = agreed(model, point)
    happens(world)
    world.check()
    bring_to_an_end(world)
    world.check()


@pytest.mark.parametrize(
    ("happens", "point"),
    [(happens, point) for happens, points in FOUND.items() for point in sorted({*points, *EVERY[::24]})],
)
def test_at_some_points(model: Model, happens: Callable[[World], None], point: int) -> None:
    play(model, happens, point)


@pytest.mark.slow
@pytest.mark.parametrize("happens", FOUND)
@pytest.mark.parametrize("point", EVERY)
def test_at_every_point(model: Model, happens: Callable[[World], None], point: int) -> None:
    play(model, happens, point)


@pytest.mark.parametrize("point", LATE[:4])
def test_without_an_end_of_their_lives_calls_start_when_nobody_expects_it(
    monkeypatch: pytest.MonkeyPatch, point: int
) -> None:
    """No look of the bot's own can find that: it lies between the last look and the call."""
    monkeypatch.setattr("tests.practice_executor.CALL_LIVES_S", math.inf)
    model = Model()
    try:
        with pytest.raises(ViolatedError, match="late"):
            play(model, wakes_after_a_person_skipped, point)
    finally:
        model.world.close()


def test_of_two_that_take_up_what_was_left_one_does(model: Model) -> None:
    """`click:t6` of seed 3: two replicas read the same left-over of the inbox, and both handled it."""
    world = agreed(model, ALL)
    for _ in range(2):
        model.doubt("U-dee", "veto by button", 0, 2, 3)
    world.kill(2)
    world.loop.go_on(60)
    world.sweep(0, points=6)
    world.sweep(1)
    world.replicas[0].go_on(ALL)

    world.check()
