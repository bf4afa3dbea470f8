"""What a victim is told: plain data, for it travels to another process as one line of JSON."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

#: The exit status of one that could not reach its database, and has to be started again (EX_TEMPFAIL).
NOT_NOW = 75


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """
    Where the victim kills itself: at the *nth* passing of the point *label*, or at the *nth* point of all ("").

    With *freeze* it stops there instead (SIGSTOP), each time until it is let go on after another one has taken over;
    and again, each time after some passings more: two that both stop before either has got anywhere would never end.
    """

    label: str = ""
    nth: int = 1
    freeze: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    role: str  #: "victim", "second" (beside it, where there are two), "judge"
    trial: str
    home: str  #: folder with config/, data/ and what victims leave behind
    url: str  #: of the database
    client_key: str
    known_hosts: str
    homes: dict[str, str]  #: host -> its home directory, where the actions count
    way: str = "forward"  #: what the person decides at the failing step: skip ("forward") or abort ("back")
    kill: Kill | None = None
    weaken: str = ""  #: a safeguard that is taken out on purpose
    patience_s: float = 90.0  #: nothing happens for so long and nobody was asked: stuck
    replicas: bool = False  #: it shares the work with another one
    slack: dict[str, str] = field(default_factory=dict)  #: api_url, bot_token, app_token; empty: no chat

    @property
    def folder(self) -> Path:
        return Path(self.home)

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        data: dict[str, Any] = json.loads(line)
        kill = data.pop("kill")
        return cls(**data, kill=Kill(**kill) if kill else None)


#: (run, unit, verb) -> the attempts that took effect, as one string: "1"
Effects = dict[tuple[str, str, str], str]


def effects(trial: str, homes: dict[str, str]) -> Effects:
    """Read what the actions of *trial* wrote on the hosts."""
    found: Effects = {}
    for home in homes.values():
        for file in Path(home, trial).glob("*/*"):
            unit, _, verb = file.name.rpartition(".")
            found[file.parent.name, unit, verb] = file.read_text()
    return found
