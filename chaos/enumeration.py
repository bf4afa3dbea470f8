"""
The points of the undisturbed runs, each killed at once.

A run costs more than a death, so one trial has several: its victims die one after another, far enough apart that each
recovery is over before the next death. What was not reached that way is tried again alone.
"""

import random
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from chaos.spec import Kill
from chaos.trial import Trial

#: Deaths in one trial; a run passes some forty points between two of them.
DEATHS = 8

#: (way, whether with a chat)
Route = tuple[str, bool]


#: How routes are written.
ROUTES: dict[str, Route] = {
    "forward": ("forward", False),
    "back": ("back", False),
    "chat": ("forward", True),
    "back-chat": ("back", True),
}


def where(route: Route) -> str:
    return next(name for name, each in ROUTES.items() if each == route)


class Enumeration:
    """What is left to be killed at. `done` are points that were settled earlier."""

    def __init__(
        self,
        routes: Mapping[Route, Sequence[str]],
        rng: random.Random,
        *,
        kinds_only: bool = False,
        done: Collection[str] = (),
    ) -> None:
        self._routes = routes
        self._place: dict[str, int] = {}  #: point -> its place on its route
        self._waiting: deque[tuple[Route, list[str]]] = deque()
        for route, labels in routes.items():
            named = _named(route, labels)
            chosen = _one_of_each_kind(named, labels, rng) if kinds_only else named
            self._place |= {point: place for place, point in enumerate(named) if point in set(chosen)}
            self._deal(route, [point for point in chosen if point and point not in done])
        rng.shuffle(self._waiting)

    @property
    def points(self) -> Collection[str]:
        return self._place.keys()

    def _deal(self, route: Route, points: list[str]) -> None:
        """Like cards, so that those of one trial are as far apart as they can be."""
        hands = -(-len(points) // DEATHS)
        self._waiting += [(route, points[n::hands]) for n in range(hands)]

    def next(self) -> Trial | None:
        if not self._waiting:
            return None
        route, points = self._waiting.popleft()
        return self._trial(route, points)

    def settle(self, trial: Trial, kills: int) -> dict[str, bool]:
        """
        Return which points of *trial* are settled, and whether each was hit.

        The first *kills* were. The next one was not passed; unless it had the whole trial to itself it gets one, and
        so does what would have come after it.
        """
        points = list(trial.points)
        route = (trial.way, trial.chat)
        settled = dict.fromkeys(points[:kills], True)
        if len(points) == 1 and not kills:
            settled[points[0]] = False
        elif missed := points[kills:]:
            self._waiting += [(route, part) for part in (missed[:1], missed[1:]) if part]
        return settled

    def _trial(self, route: Route, points: list[str]) -> Trial:
        way, chat = route
        kills = list(self._kills(route, points))
        words = " > ".join(f"{kill.label}#{kill.nth}" for kill in kills)
        return Trial(
            kind="point",
            seed=0,
            way=way,
            chat=chat,
            kills=partial(in_turn, kills),
            points=tuple(points),
            about=f"{where(route)}@{words}",
        )

    def _kills(self, route: Route, points: list[str]) -> Iterator[Kill]:
        """A victim counts from its own start, so passings are counted from the place of the death before it."""
        labels, before = self._routes[route], -1
        for point in points:
            place = self._place[point]
            yield Kill(label=labels[place], nth=list(labels[before + 1 : place + 1]).count(labels[place]))
            before = place


def in_turn(kills: Sequence[Kill], _rng: random.Random) -> Iterator[Kill]:
    return iter(kills)


def _named(route: Route, labels: Sequence[str]) -> list[str]:
    """Give each passing on the route its name; "" where it is killed at on another route already."""
    _, chat = route
    seen: Counter[str] = Counter()
    named = []
    for label in labels:
        seen[label] += 1
        here = not chat or "slack" in label or "commit" in label
        named.append(f"{where(route)}@{label}#{seen[label]}" if here else "")
    return named


def _one_of_each_kind(named: list[str], labels: Sequence[str], rng: random.Random) -> list[str]:
    """Whatever the unit and host; in the order of the route."""
    by_kind: dict[str, list[str]] = {}
    for point, label in zip(named, labels, strict=True):
        if point:
            by_kind.setdefault(_kind_of(label), []).append(point)
    chosen = {rng.choice(points) for points in by_kind.values()}
    return [point for point in named if point in chosen]


def _kind_of(label: str) -> str:
    return label.split("+", maxsplit=1)[0].split("@", maxsplit=1)[0]
