"""Slack's windows and intervals, as numbers a test may shrink."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Defaults are Slack's own, as far as they are documented."""

    ack_s: float = 3.0  #: how long the app may take to acknowledge
    retry_after_s: tuple[float, ...] = (0.0, 60.0, 300.0)  #: waits before each redelivery of an event
    trigger_s: float = 3.0  #: how long a trigger_id opens a view
    response_url_s: float = 1800.0
    response_url_uses: int = 5
    ticket_s: float = 30.0  #: how long the address from apps.connections.open may be used
    socket_ping_s: float = 5.0
    refresh_warning_s: float = 10.0  #: from "warning" to the cut of a refreshed socket
    socket_life_s: int = 18_060  #: what hello announces
