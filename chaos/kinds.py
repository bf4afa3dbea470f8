"""The kinds of trials that chance makes. The same seed gives the same trial again."""

import random
from collections.abc import Iterator

from chaos.hostfaults import HostFault
from chaos.spec import Kill
from chaos.trial import Trial

#: Kind -> how often, of all random trials.
MIX = {"relay": 4, "links": 1, "rough": 4, "storm": 4, "hosts": 3, "chat": 2, "slack": 4, "replicas": 6}
#: Those that need a database which several bots can share.
ON_POSTGRES = {"replicas"}


def relay(rng: random.Random) -> Iterator[Kill]:
    """Kill one victim after another; now and then one is let live long enough to get further."""
    yield Kill(nth=rng.randint(1, 300))
    while True:
        yield Kill(nth=rng.randint(1, 60) if rng.random() < 0.75 else rng.randint(60, 250))


def lively(rng: random.Random) -> Iterator[Kill]:
    """One of several bots: now it dies, now it freezes and wakes up when another one has its work."""
    while True:
        freeze = rng.random() < 0.5
        yield Kill(nth=rng.randint(20, 120) if freeze else rng.randint(1, 150), freeze=freeze)


def random_trial(kind: str, seed: int) -> Trial:
    """
    Raises:
        ValueError: there is no such kind.
    """
    rng = random.Random(seed)
    way = rng.choice(("forward", "back"))
    match kind:
        case "relay":
            return Trial(kind=kind, seed=seed, way=way, kills=relay)
        case "links":
            return Trial(kind=kind, seed=seed, way=way, links=rng.randint(5, 25), link_gap=(2, rng.randint(6, 40)))
        case "rough":
            return Trial(kind=kind, seed=seed, way=way, links=rng.randint(25, 50), link_gap=(2, rng.randint(10, 40)))
        case "storm":
            return Trial(
                kind=kind, seed=seed, way=way, kills=relay, links=rng.randint(5, 15), link_gap=(2, rng.randint(20, 80))
            )
        case "hosts":
            kills = relay if rng.random() < 0.3 else None
            return Trial(kind=kind, seed=seed, way=way, kills=kills, hosts=tuple(HostFault))
        case "chat":
            return Trial(kind=kind, seed=seed, way=way, kills=relay, chat=True, twice=True)
        case "slack":
            kills = relay if rng.random() < 0.3 else None
            return Trial(kind=kind, seed=seed, way=way, kills=kills, chat=True, twice=True, bad_chat=True)
        case "replicas":
            links = rng.choice((0, 0, 10))
            return Trial(kind=kind, seed=seed, way=way, kills=lively, replicas=True, links=links)
        case _:
            raise ValueError(f"expected one of {', '.join(MIX)}, came {kind!r}")
