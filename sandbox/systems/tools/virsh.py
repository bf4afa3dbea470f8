"""
`virsh`: which domains run on a compute, and since when: what a fingerprint of "never touched" is made of.

State "libvirt": version, domains (name -> uuid, state, pid, machine, started). Another pid: it was restarted.
"""

from __future__ import annotations

from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data


def define(machine: Machine, name: str, uuid: str, **about: object) -> None:
    """Let the domain run on this host; its pid is made of its name."""
    pid = 2000 + sum(map(ord, name)) % 20_000
    domain = {"uuid": uuid, "state": "running", "pid": pid, "machine": "pc-q35-rhel9.2.0", "started": 1.0}
    with machine.state("libvirt") as libvirt:
        libvirt.setdefault("domains", {})[name] = {**domain, **about}


def fingerprint(machine: Machine) -> dict[str, str]:
    """Return for each domain what changes if anybody touches it. For baselines and judges."""
    domains: dict[str, Data] = machine.state("libvirt").read().get("domains", {})
    return {
        name: f"{one['uuid']} {one['pid']} {one['started']} {one['state']}" for name, one in sorted(domains.items())
    }


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("-c", "--connect"))
    libvirt = machine.state("libvirt").read()
    domains = libvirt.get("domains", {})
    match words.rest:
        case ["list", *_]:
            return _list(domains, words)
        case ["version", *_]:
            print(f"Using library: libvirt {libvirt.get('version', '9.0.0')}\nRunning hypervisor: QEMU 7.2.0")
            return 0
        case [("domstate" | "domid" | "dominfo" | "dumpxml" | "domuuid") as verb, name]:
            found = next((n for n, one in domains.items() if name in (n, one["uuid"])), None)
            if found is None:
                raise SaysNoError(f"error: failed to get domain '{name}'")
            return _about(verb, found, domains[found])
        case _:
            raise SaysNoError(f"error: unknown command: '{' '.join(words.rest)}'")


def _list(domains: dict[str, Data], words: Words) -> int:
    everything = words.has("--all", "--inactive")
    shown = {name: one for name, one in sorted(domains.items()) if everything or one["state"] == "running"}
    if words.has("--name", "--uuid"):
        for name, one in shown.items():
            print(one["uuid"] if words.has("--uuid") else name)
        print()
        return 0
    print(" Id   Name       State\n-------------------------")
    for number, (name, one) in enumerate(shown.items(), 1):
        print(f" {number if one['state'] == 'running' else '-':<4} {name}   {one['state']}")
    print()
    return 0


def _about(verb: str, name: str, domain: Data) -> int:
    match verb:
        case "domstate":
            print(f"{domain['state']}\n")
        case "domuuid":
            print(f"{domain['uuid']}\n")
        case "domid":
            print(f"{domain['pid']}\n")
        case "dumpxml":
            print(f"<domain type='kvm' id='{domain['pid']}'>\n  <name>{name}</name>\n  <uuid>{domain['uuid']}</uuid>")
            print(f"  <os><type arch='x86_64' machine='{domain['machine']}'>hvm</type></os>\n</domain>")
        case _:
            print(f"Id:             {domain['pid']}\nName:           {name}\nUUID:           {domain['uuid']}")
            print(f"State:          {domain['state']}")
    return 0
