"""
`curl`, for what answers on practice hosts: clustercheck on port 9200, and the APIs of the cloud. Options and exit
statuses after curl(1): 7 cannot connect, 22 an HTTP error with --fail, 6 no such host.
"""

from __future__ import annotations

import json
import sys

from sandbox.systems.tools import cloud, galera
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine

TAKES_VALUE = (
    *(
        "-o",
        "--output",
        "-w",
        "--write-out",
        "-m",
        "--max-time",
        "--connect-timeout",
        "-H",
        "--header",
        "-X",
        "--request",
    ),
    *("-d", "--data", "-u", "--user", "--cacert", "-A", "--retry", "--retry-delay"),
)
CLUSTERCHECK = 9200


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, TAKES_VALUE)
    if not words.rest:
        raise SaysNoError("curl: no URL specified!\ncurl: try 'curl --help' for more information", 2)
    host, port = _address(words.rest[0])
    try:
        code, body = _answer(machine, host, port)
    except ConnectionError:
        _print(machine, words, 0, "")
        text = f"curl: (7) Failed to connect to {host} port {port}: Connection refused"
        raise SaysNoError("" if _quiet(words) else text, 7) from None
    failing = words.has("-f", "--fail") and code >= 400
    _print(machine, words, code, "" if failing else body)
    if failing:
        raise SaysNoError("" if _quiet(words) else f"curl: (22) The requested URL returned error: {code}", 22)
    return 0


def _quiet(words: Words) -> bool:
    return words.has("-s", "--silent") and not words.has("-S", "--show-error")


def _address(url: str) -> tuple[str, int]:
    scheme, found, rest = url.partition("://")
    host, _, port = (rest if found else url).partition("/")[0].partition(":")
    return host, int(port or (443 if scheme == "https" else 80))


def _answer(machine: Machine, host: str, port: int) -> tuple[int, str]:
    if port == CLUSTERCHECK:
        there = galera.member_for(machine, host)
        ok = galera.serves(there)  # started by a socket, it answers also where the database does not run
        return (200, "Galera cluster node is synced.") if ok else (503, "Galera cluster node is not synced.")
    services = machine.shared("cloud").read().get("services", {})
    for name, about in services.items():
        if about.get("port", cloud.PORTS.get(name)) == port:
            return _api(machine, name)
    raise ConnectionRefusedError


def _api(machine: Machine, service: str) -> tuple[int, str]:
    try:
        cloud.ask(machine, service, "SELECT 1")
    except SaysNoError as no:
        if "Connection refused" in str(no):
            raise ConnectionRefusedError from no
        code = 503 if "503" in str(no) else 500
        return code, str(no)
    host = cloud.serving(machine, service)[0]
    return 200, json.dumps({"service": service, "release": cloud.release(host, service)})


def _print(machine: Machine, words: Words, code: int, body: str) -> None:
    place = words.one("-o", "--output")
    if place and place != "/dev/null":
        machine.write(place, body)
    elif not place and body:
        print(body)
    shape = words.one("-w", "--write-out").replace("\\n", "\n")
    sys.stdout.write(shape.replace("%{http_code}", f"{code:03}").replace("%{response_code}", f"{code:03}"))
