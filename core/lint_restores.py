"""What a way back leaves out: backups nobody registered, agents that write into it, changes that stay."""

import re
from collections.abc import Iterator

from core.lint_data import loads_dump
from core.lint_finding import Finding, Level
from core.lint_words import taken_down
from core.plan import Command, Plan
from core.plan_checks import commands
from core.shell_words import calls, text_of

#: Restores of a database other than by loading a dump.
_COPIES_BACK = re.compile(r"--copy-back|--move-back|mariadb_recovery\b|\bpg_restore\b|etcdctl\s+snapshot\s+restore")
#: Services that register themselves, or write of themselves, in the database.
_AGENTS = re.compile(r"nova|neutron|cinder|heat|ironic|manila|octavia|designate|compute|agent|conductor|scheduler")
_ENABLES = re.compile(r"\b(?:pcs|crm)\s+resource\s+(?:enable|start)\b|\bpcs,\s*resource,\s*enable\b")
_READS_CLUSTER = re.compile(r"\bcibadmin\b|\bpcs\s+(?:constraint|config|property|cluster\s+cib)\b|\bcrm_diff\b")


def restore_rules(plan: Plan) -> Iterator[Finding]:
    yield from _unregistered(plan)
    yield from _agents_stopped_late(plan)
    yield from _cluster_not_compared(plan)
    yield from _fixed_units(plan)


def _restores(command: Command | None) -> bool:
    return command is not None and (loads_dump(command) or bool(_COPIES_BACK.search(text_of(command))))


def _unregistered(plan: Plan) -> Iterator[Finding]:
    """Kolla's backup is a volume on one host: who loses that host has lost it, and learns of it last."""
    if plan.snapshots:
        return
    for index, step in enumerate(plan.steps):
        if _restores(step.do):
            yield Finding(
                rule="unregistered-backup",
                where=f"steps/{index}/do",
                problem="a backup is restored of which nobody checks place, sum, engine or age, and it may be lost "
                "together with the one host it lies on",
                suggestion="copy it out, name it under `snapshots`, and look at it in preflight",
            )
            return


def _agents_stopped_late(plan: Plan) -> Iterator[Finding]:
    """Agents of the new release that still run register their versions again in the database of the old one."""
    restored = next((index for index, step in enumerate(plan.steps) if _restores(step.do)), None)
    if restored is None:
        return
    stops = [
        (index, what)
        for index, step in enumerate(plan.steps)
        for call in (calls(step.do) if step.do else ())
        for _, word, what in taken_down(call)
        if word in ("stop", "disable", "scale") and _AGENTS.search(what)
    ]
    early = {what for index, what in stops if index < restored}
    late = {what: index for index, what in stops if index > restored and what not in early}
    for what, index in late.items():
        yield Finding(
            rule="stopped-after-restore",
            where=f"steps/{index}/do",
            problem=f"'{what}' of the new release runs on while the database goes back, and writes of itself into it",
            suggestion="stop it before the restore",
        )


def _cluster_not_compared(plan: Plan) -> Iterator[Finding]:
    """Constraints, properties and fencing that the upgrade took out of the cluster do not come back by themselves."""
    if any(_READS_CLUSTER.search(text_of(command)) for _, command, _ in commands(plan)):
        return
    for index, step in enumerate(plan.steps):
        if step.do is not None and _ENABLES.search(text_of(step.do)):
            yield Finding(
                rule="cluster-not-compared",
                where=f"steps/{index}",
                problem="resources are enabled, and what was changed around them (constraints, properties, fencing) "
                "stays as the upgrade left it",
                suggestion="record `cibadmin --query` and `pcs constraint` as baselines, and compare them at the end",
                level=Level.WARNING,
            )
            return


def _fixed_units(plan: Plan) -> Iterator[Finding]:
    """A list of units from a document never has the ones of this site: collectors, edge sites, what came later."""
    for index, step in enumerate(plan.steps):
        if step.do is None or step.foreach is None or len(step.foreach.items) < 2:
            continue
        if any(call.program == "systemctl" and call.verb == "start" and _item(call.plain) for call in calls(step.do)):
            yield Finding(
                rule="fixed-unit-list",
                where=f"steps/{index}/foreach",
                problem="units that ran before and are not in this list are never started again",
                suggestion="record the units that run before the upgrade and go over them: `foreach: {baseline: NAME}`",
                level=Level.WARNING,
            )


def _item(words: tuple[str, ...]) -> bool:
    return any(word in ("{item}", "$ITEM", "${ITEM}") for word in words)
