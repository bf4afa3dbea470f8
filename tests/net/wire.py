"""
A wire between two network namespaces that delays packets and brings them out of order: `wire NETNS IF NETNS IF`.

Two TAP devices, and this process between them (no netem in the kernels of small machines). It says "ready", then obeys
lines on stdin: "DELAY_MS JITTER_MS" from now on, answered with "ok"; "reordered", answered with how many packets have
overtaken an earlier one that went the same way.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time
from dataclasses import dataclass, field

from tests.net.namespaces import enter

# linux/if_tun.h
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000


def open_tap(netns: str, name: str) -> int:
    """A new TAP device in *netns*; what is written comes out of it there."""
    enter(netns)
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return fd


@dataclass
class Wire:
    ends: tuple[int, int]
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    reordered: int = 0
    _queue: list[tuple[float, int, int, bytes]] = field(default_factory=list)  #: due, number, where to, packet
    _numbers: int = 0
    _last_out: dict[int, int] = field(default_factory=dict)

    def run(self) -> None:
        """Work until stdin is closed."""
        while True:
            wait_s = max(0.0, self._queue[0][0] - time.monotonic()) if self._queue else None
            for fd in select.select([*self.ends, 0], [], [], wait_s)[0]:
                if fd in self.ends:
                    self._take(fd)
                elif not self._obey(os.read(0, 1_000).decode()):
                    return
            self._deliver()

    def _take(self, end: int) -> None:
        to = self.ends[1 - self.ends.index(end)]
        while True:
            try:
                packet = os.read(end, 65_535)
            except OSError:  # no more for now, or the device is down
                return
            self._numbers += 1
            spread_ms = random.uniform(-self.jitter_ms, self.jitter_ms)
            due = time.monotonic() + max(0.0, self.delay_ms + spread_ms) / 1_000
            heapq.heappush(self._queue, (due, self._numbers, to, packet))

    def _deliver(self) -> None:
        while self._queue and self._queue[0][0] <= time.monotonic():
            _, number, to, packet = heapq.heappop(self._queue)
            self.reordered += number < self._last_out.get(to, 0)
            self._last_out[to] = max(number, self._last_out.get(to, 0))
            try:
                os.write(to, packet)
            except OSError:  # its device is down: a cable that is out loses packets
                continue

    def _obey(self, lines: str) -> bool:
        for line in lines.splitlines():
            if line == "reordered":
                print(self.reordered, flush=True)
            else:
                self.delay_ms, self.jitter_ms = map(float, line.split())
                print("ok", flush=True)
        return bool(lines)


if __name__ == "__main__":
    one, two = open_tap(*sys.argv[1:3]), open_tap(*sys.argv[3:5])
    print("ready", flush=True)
    Wire((one, two)).run()
