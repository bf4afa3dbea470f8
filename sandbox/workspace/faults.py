"""Faults one can switch on: what goes wrong in the network and at Slack's, on purpose."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class Kind(StrEnum):
    """What happens to a call of the Web API."""

    RATE_LIMITED = "ratelimited"  #: 429 with Retry-After, nothing done
    SERVER_ERROR = "server_error"  #: 503, nothing done
    REFUSE = "refuse"  #: ok:false with `error`, nothing done
    LOSE_ANSWER = "lose_answer"  #: done, then the connection is cut
    HANG = "hang"  #: done, then no answer for `seconds`


@dataclass(slots=True, kw_only=True)
class MethodFault:
    method: str  #: "chat.update", or "*"
    kind: Kind
    times: int | None = None  #: how often it strikes; None: until cleared
    seconds: float = 1.0  #: Retry-After, or how long a hang lasts
    error: str = "internal_error"  #: for `refuse`


@dataclass(slots=True, kw_only=True)
class Faults:
    """All switches. The numbers count down as faults strike."""

    methods: list[MethodFault] = field(default_factory=list)
    duplicate_events: int = 0  #: the next N events arrive twice (same event_id)
    event_delay_s: float = 0.0  #: every event waits so long before its first delivery
    reorder_events: int = 0  #: the next N events are held and arrive in reverse order
    ack_delay_s: float = 0.0  #: acks are seen so much later

    def take(self, method: str) -> MethodFault | None:
        """The fault that strikes this call, if any; it is counted."""
        for fault in self.methods:
            if fault.method in (method, "*"):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.methods.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]  # back to the defaults, the object stays the same

    def as_json(self) -> Json:
        return asdict(self)
