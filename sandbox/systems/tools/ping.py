"""
`ping -c N ADDRESS`, or `ping -w SECONDS -i SECONDS ADDRESS`: whether a workload, or another host, answers. A workload
does while its domain runs and nothing it depends on ("the tunnels of compute-1", or its own address) is interrupted:
see `dataplane`. Without words: which host this is.

With -c it asks once and tells it N times; with -w it really asks again and again, and tells -D and -O as iputils do.
"""

from __future__ import annotations

import time

from sandbox.systems.tools import dataplane
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine


def reachable(machine: Machine, address: str) -> bool:
    """
    Raises:
        SaysNoError: nobody knows the name.
    """
    plane = machine.shared("dataplane").read()
    if address in (machine.name, "localhost", "127.0.0.1", *machine.others):
        return True
    about = plane.get("addresses", {}).get(address)
    if about is None:
        if address.replace(".", "").isdigit():
            return False
        raise SaysNoError(f"ping: {address}: Name or service not known", 2)
    there = machine if about["host"] == machine.name else machine.other(about["host"])
    domain = there.state("libvirt").read().get("domains", {}).get(about["domain"], {})
    down = any(dataplane.out(machine, what) for what in (address, f"the tunnels of {about['host']}"))
    return domain.get("state") == "running" and not down


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("-c", "-W", "-w", "-i", "-I", "-s"))
    if not words.rest:
        print(f"pong from {machine.name}")
        return 0
    address, count = words.rest[0], int(words.one("-c", default="1"))
    if words.has("-w"):
        return _watch(machine, address, words)
    answered = reachable(machine, address)
    if not words.has("-q"):
        print(f"PING {address} ({address}) 56(84) bytes of data.")
        for number in range(1, count + 1) if answered else ():
            print(f"64 bytes from {address}: icmp_seq={number} ttl=63 time=0.4 ms")
    received = count if answered else 0
    print(f"\n--- {address} ping statistics ---")
    print(f"{count} packets transmitted, {received} received, {0 if answered else 100}% packet loss, time 0ms")
    return 0 if answered else 1


def _watch(machine: Machine, address: str, words: Words) -> int:
    every_s, until = float(words.one("-i", default="1")), time.time() + float(words.one("-w"))
    print(f"PING {address} ({address}) 56(84) bytes of data.", flush=True)
    sent = received = 0
    while time.time() < until:
        sent += 1
        stamp = f"[{time.time():.6f}] " if words.has("-D") else ""
        if reachable(machine, address):
            received += 1
            print(f"{stamp}64 bytes from {address}: icmp_seq={sent} ttl=63 time=0.4 ms", flush=True)
        elif words.has("-O"):
            print(f"{stamp}no answer yet for icmp_seq={sent}", flush=True)
        time.sleep(max(0.0, min(every_s, until - time.time())))
    print(f"\n--- {address} ping statistics ---")
    lost = 100 * (sent - received) // sent if sent else 0
    print(f"{sent} packets transmitted, {received} received, {lost}% packet loss")
    return 0 if received else 1
