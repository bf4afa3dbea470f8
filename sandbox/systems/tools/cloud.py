"""
An OpenStack cloud, as its API shows it: records in the Galera databases, reached through services that have to run.

Shared state "cloud": services (name -> hosts, unit or container, database, port), speaks (service -> release -> heads
of alembic_version its code gets along with), behind (the load balancer on those hosts: a unit, or how its container's
name begins; "": none), address (of the virtual IP), release (what code has no release of its own, by label or by unit,
runs).

A service answers if its unit or container runs on a host, the database is there, and its code gets along with the
schema. Otherwise it fails as the real client says it.
"""

from __future__ import annotations

from sandbox.systems.tools import containers, galera, sql, units
from sandbox.systems.tools.machine import SaysNoError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

#: Ports of the services' APIs.
PORTS = {
    "keystone": 5000,
    "glance": 9292,
    "cinder": 8776,
    "nova": 8774,
    "placement": 8778,
    "neutron": 9696,
    "heat": 8004,
    "octavia": 9876,
}


def furnish(machine: Machine, **about: object) -> None:
    machine.shared("cloud").write({"address": "192.0.2.10", "behind": "", "release": "", "speaks": {}, **about})


def serving(machine: Machine, service: str) -> list[Machine]:
    """Return the hosts on which the service runs and has come up."""
    about = machine.shared("cloud").read()["services"][service]
    found = []
    for name in about["hosts"]:
        host = machine if name == machine.name else machine.other(name)
        runs = units.answers(host, about["unit"]) if "unit" in about else containers.running(host, about["container"])
        if runs:
            found.append(host)
    return found


def release(machine: Machine, service: str) -> str:
    """Return the release of the code that would answer on this host."""
    cloud = machine.shared("cloud").read()
    about = cloud["services"][service]
    unit = machine.state("units").read().get(units.full(about.get("unit", "")), {})
    container = about.get("container") or unit.get("container", {}).get("name", "")
    return containers.release_of(machine, container) or str(unit.get("release") or cloud["release"])


def ask(machine: Machine, service: str, query: str) -> sql.Rows:
    """
    Return what the service's database answers to *query*, as if its API had been asked.

    Raises:
        SaysNoError: the API does not answer, or answers with an error; the text is the client's.
    """
    _up(machine, "keystone")  # a client asks for a token first
    host = _up(machine, service)
    database = machine.shared("cloud").read()["services"][service].get("database", service)
    server = galera.member_for(host, "vip")
    if galera.status(server).get("wsrep_ready") != "ON":
        raise SaysNoError(_broken("keystone", "(pymysql.err.OperationalError) Lost connection to MySQL server"))
    session = sql.Session(galera.datadir(server))
    try:
        session.use(database)
        _gets_along(host, service, session)
        return session.run(query) or ([], [])
    except sql.SqlError as error:
        raise SaysNoError(_broken(service, str(error))) from error
    finally:
        session.close()


def _up(machine: Machine, service: str) -> Machine:
    cloud = machine.shared("cloud").read()
    hosts = serving(machine, service)
    about = cloud["services"][service]
    behind = cloud["behind"]
    balancers = [name for name in about["hosts"] if behind and _balances(machine.other(name), behind)]
    url = f"http://{cloud['address']}:{about.get('port', PORTS.get(service, 8000))}"
    if behind and not balancers:
        raise SaysNoError(_unreachable(service, url))
    if not hosts:
        if behind:
            raise SaysNoError("Service Unavailable (HTTP 503)")
        raise SaysNoError(_unreachable(service, url))
    return hosts[0]


def _balances(host: Machine, behind: str) -> bool:
    boxes = [box["name"] for box in containers.all_of(host) if box["state"] == "running"]
    return units.active(host, behind) or any(name.startswith(behind) for name in boxes)


def _unreachable(service: str, url: str) -> str:
    if service == "keystone":
        url = f"{url}/v3/auth/tokens"
    return f"Unable to establish connection to {url}: [Errno 111] Connection refused"


def _broken(service: str, why: str) -> str:
    return f"Internal Server Error (HTTP 500): {service}: {why}"


def _gets_along(machine: Machine, service: str, session: sql.Session) -> None:
    speaks = machine.shared("cloud").read()["speaks"].get(service)
    if speaks is None:
        return
    runs = release(machine, service)
    found = session.run("SELECT version_num FROM alembic_version")
    heads = {str(row[0]) for row in found[1]} if found else set()
    if not heads <= set(speaks.get(runs, [])):
        said = (
            f"{service} of release '{runs}' on {machine.name} does not get along with schema {', '.join(sorted(heads))}"
        )
        raise sql.SqlError(said)


def answers(machine: Machine) -> Data:
    """Return for each service whether it answers, and how: "ok" or the client's error. For judges."""
    found = {}
    for service in machine.shared("cloud").read()["services"]:
        try:
            ask(machine, service, "SELECT 1")
            found[service] = "ok"
        except SaysNoError as no:
            found[service] = str(no)
    return found
