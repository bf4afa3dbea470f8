"""What all replicas have in common, and outlives them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from store.turns import Turns
from tests.model.chat import Chat
from tests.model.hosts import ModelHosts
from tests.model.pace import ModelLoop

if TYPE_CHECKING:
    from tests.model.replica import Replica


@dataclass(kw_only=True)
class Shared:
    loop: ModelLoop
    hosts: ModelHosts
    committed: Callable[[], None]  #: called after each commit, in the very moment
    handles: Callable[..., None]  #: called with what is about to be handled
    chat: Chat = field(default_factory=Chat)
    turns: Turns = field(default_factory=Turns)
    ticks: "count[int]"
    holders: "dict[str, Replica]" = field(default_factory=dict)  #: run -> who took its job last
    unread: list[str] = field(default_factory=list)  #: runs whose board has to be read again
