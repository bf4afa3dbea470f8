"""
`ceph`, as far as rollbacks look at it, and the one-way gates an upgrade passes; `cephadm shell -- ceph …` is the same.

Shared state "ceph": health, flags, require_osd_release, min_mon_release, versions (daemon kind -> version -> count),
daemons (of `orch ps`), auth (entity -> caps). After docs.ceph.com: require-osd-release only goes up.
"""

from __future__ import annotations

import json

from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

RELEASES = (
    *("hammer", "infernalis", "jewel", "kraken", "luminous", "mimic", "nautilus", "octopus", "pacific", "quincy"),
    *("reef", "squid"),
)
ONE_WAY = frozenset({"require_jewel_osds", "require_kraken_osds", "sortbitwise", "recovery_deletes", "purged_snapdirs"})


def furnish(machine: Machine, *, release: str, version: str, **about: object) -> None:
    kinds = ("mon", "mgr", "osd", "overall")
    versions = {kind: {f"ceph version {version} ({release})": 3} for kind in kinds}
    state = {"health": "HEALTH_OK", "flags": ["sortbitwise", "recovery_deletes"], "require_osd_release": release}
    machine.shared("ceph").write(
        {**state, "min_mon_release": release, "versions": versions, "daemons": [], "auth": {}, **about}
    )


def main(machine: Machine, argv: list[str]) -> int:
    if machine.tool == "cephadm":
        argv = argv[argv.index("ceph") + 1 :] if "ceph" in argv else []
    words = Words(argv, ("-f", "--format", "--cluster", "-c", "--id", "-n", "--connect-timeout"))
    with machine.shared("ceph") as ceph:
        if not ceph or ceph.get("unreachable"):
            raise SaysNoError("Error initializing cluster client: ObjectNotFound('RADOS object not found')", 1)
        for length in (3, 2, 1):
            verb = " ".join(words.rest[:length])
            if verb in VERBS:
                return VERBS[verb](ceph, words.rest[length:], words.one("-f", "--format").startswith("json"))
    raise SaysNoError(f"no valid command found; '{' '.join(words.rest)}'", 22)


def _dump(ceph: Data, rest: list[str], as_json: bool) -> int:
    flags = ",".join(ceph["flags"])
    if as_json:
        print(
            json.dumps({"flags": flags, "flags_set": ceph["flags"], "require_osd_release": ceph["require_osd_release"]})
        )
    else:
        print(f"epoch 41\nflags {flags}\nrequire_min_compat_client jewel\nmin_compat_client jewel")
        print(f"require_osd_release {ceph['require_osd_release']}\nmax_osd 3")
    return 0


def _mon_dump(ceph: Data, rest: list[str], as_json: bool) -> int:
    release = ceph["min_mon_release"]
    print(json.dumps({"min_mon_release_name": release}) if as_json else f"epoch 3\nmin_mon_release 16 ({release})")
    return 0


def _versions(ceph: Data, rest: list[str], as_json: bool) -> int:
    print(json.dumps(ceph["versions"], indent=4))
    return 0


def _tell_version(ceph: Data, rest: list[str], as_json: bool) -> int:
    names = [name for name, count in ceph["versions"]["osd"].items() for _ in range(count)]
    for number, name in enumerate(names):
        print(f'osd.{number}: {{\n    "version": "{name}"\n}}')
    return 0


def _status(ceph: Data, rest: list[str], as_json: bool) -> int:
    if as_json:
        print(json.dumps({"health": {"status": ceph["health"]}}))
    else:
        print(f"  cluster:\n    health: {ceph['health']}\n")
    return 0


def _health(ceph: Data, rest: list[str], as_json: bool) -> int:
    print(json.dumps({"status": ceph["health"]}) if as_json else ceph["health"])
    return 0


def _orch_ps(ceph: Data, rest: list[str], as_json: bool) -> int:
    if as_json:
        print(json.dumps(ceph["daemons"]))
    else:
        print("NAME  HOST  STATUS  VERSION")
        for one in ceph["daemons"]:
            print(f"{one['daemon_type']}.{one['daemon_id']}  {one['hostname']}  running  {one.get('version', '')}")
    return 0


def _auth_get(ceph: Data, rest: list[str], as_json: bool) -> int:
    entity = rest[0] if rest else ""
    if entity not in ceph["auth"]:
        raise SaysNoError(f"Error ENOENT: failed to find {entity} in keyring", 2)
    caps = ceph["auth"][entity]
    if as_json:
        print(json.dumps([{"entity": entity, "key": "AQA=", "caps": caps}]))
    else:
        print(f"[{entity}]\n\tkey = AQA=")
        for kind, text in sorted(caps.items()):
            print(f'\tcaps {kind} = "{text}"')
    return 0


def _auth_caps(ceph: Data, rest: list[str], as_json: bool) -> int:
    entity, pairs = rest[0], rest[1:]
    if entity not in ceph["auth"]:
        raise SaysNoError(f"Error ENOENT: couldn't find entry {entity}", 2)
    ceph["auth"][entity] = dict(zip(pairs[::2], pairs[1::2], strict=True))
    print(f"updated caps for {entity}")
    return 0


def _require(ceph: Data, rest: list[str], as_json: bool) -> int:
    wanted = rest[0] if rest else ""
    if wanted not in RELEASES:
        raise SaysNoError(f"Invalid command: {wanted} not in {'|'.join(RELEASES)}", 22)
    if RELEASES.index(wanted) < RELEASES.index(ceph["require_osd_release"]):
        raise SaysNoError("Error EPERM: require_osd_release cannot be lowered once it has been set", 1)
    ceph["require_osd_release"] = wanted
    return 0


def _tunables(ceph: Data, rest: list[str], as_json: bool) -> int:
    print(json.dumps({"profile": ceph.get("tunables", "firefly"), "optimal_tunables": 0}, indent=4))
    return 0


def _set_tunables(ceph: Data, rest: list[str], as_json: bool) -> int:
    ceph["tunables"] = rest[0]
    print(f"adjusted tunables profile to {rest[0]}")
    return 0


def _osd_set(ceph: Data, rest: list[str], as_json: bool) -> int:
    ceph["flags"] = sorted({*ceph["flags"], rest[0]})
    print(f"{rest[0]} is set")
    return 0


def _osd_unset(ceph: Data, rest: list[str], as_json: bool) -> int:
    if rest[0] in ONE_WAY:
        raise SaysNoError(f"Invalid command: {rest[0]} cannot be unset", 22)
    ceph["flags"] = [flag for flag in ceph["flags"] if flag != rest[0]]
    print(f"{rest[0]} is unset")
    return 0


VERBS: dict[str, Callable[[Data, list[str], bool], int]] = {
    "osd dump": _dump,
    "osd crush show-tunables": _tunables,
    "osd crush tunables": _set_tunables,
    "osd set": _osd_set,
    "osd unset": _osd_unset,
    "osd require-osd-release": _require,
    "mon dump": _mon_dump,
    "tell osd.* version": _tell_version,
    "versions": _versions,
    "status": _status,
    "-s": _status,
    "health": _health,
    "health detail": _health,
    "orch ps": _orch_ps,
    "auth get": _auth_get,
    "auth caps": _auth_caps,
}
