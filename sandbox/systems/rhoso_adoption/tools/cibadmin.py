"""`cibadmin --query` and `--modify --allow-create`, of the constraints or the whole; statuses after crm_exit."""

from __future__ import annotations

from sandbox.systems.rhoso_adoption.tools import cib, pacemaker
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("-o", "--scope", "-X", "--xml-text"))
    scope = words.one("-o", "--scope")
    if scope not in ("", "constraints"):
        raise SaysNoError(f"cibadmin: unknown scope '{scope}'", 64)
    if words.has("-Q", "--query"):
        cluster = machine.shared(pacemaker.STATE).read()
        print(cib.constraints(cluster) if scope else cib.to_xml(cluster).rstrip())
        return 0
    if words.has("-M", "--modify") and scope:
        return _modify(
            machine, cib.element(words.one("-X", "--xml-text")), may_create=words.has("-c", "--allow-create")
        )
    raise SaysNoError("cibadmin: must supply one command option", 64)


def _modify(machine: Machine, element: str, *, may_create: bool) -> int:
    with machine.shared(pacemaker.STATE) as cluster:
        here = [cib.id_of(one) for one in cluster["constraints"]]
        if cib.id_of(element) in here:
            cluster["constraints"][here.index(cib.id_of(element))] = element
        elif may_create:
            cluster["constraints"].append(element)
        else:
            raise SaysNoError("Call cib_modify failed (-6): No such device or address", 105)
        cluster["epoch"] += 1
    return 0
