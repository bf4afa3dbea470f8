"""The kinds of trials that chance makes. The same seed gives the same trial again."""

import random
from collections.abc import Iterator

from chaos.hostfaults import HostFault
from chaos.spec import Kill
from chaos.trial import Trial

#: Kind -> how often, of all random trials.
MIX = {"relay": 4, "links": 1, "rough": 4, "storm": 4, "hosts": 3, "chat": 3}


def relay(rng: random.Random) -> Iterator[Kill]:
    """Kill one victim after another; now and then one is let live long enough to get further."""
    yield Kill(nth=rng.randint(1, 300))
    while True:
        yield Kill(nth=rng.randint(1, 60) if rng.random() < 0.75 else rng.randint(60, 250))


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
            return Trial(kind=kind, seed=seed, way=way, kills=relay, chat=True)
        case _:
            raise ValueError(f"expected one of {', '.join(MIX)}, came {kind!r}")
