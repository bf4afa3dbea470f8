"""Pacemaker, systemd, Kolla, containers, OpenShift, Ceph: words that do more, or less, than they seem to."""

import re
from collections.abc import Iterator

from core.lint_finding import Finding, Level
from core.plan import Check, Command, Look, On, Part, Plan, Step
from core.plan_checks import commands
from core.shell_words import Call, calls, text_of

_CLUSTER_WIDE = frozenset({"pcs", "crm", "crm_resource", "crm_attribute", "cibadmin"})
#: What tells that a service answers, not only that its process runs.
_ASKS_AN_API = frozenset({"openstack", "curl", "wget", "http-get", "nova", "neutron", "cinder", "glance", "keystone"})
_ONE_WAY = re.compile(r"require-osd-release|require_jewel_osds|enable_feature_flag|online_data_migrations|--contract\b")
_PATCHES_RELEASE = re.compile(r"\bpatch\b[^\n]*\b(?:hc|hostedclusters?)\b.*release.*image", re.IGNORECASE | re.DOTALL)
_FINALIZERS = re.compile(r"""finalizers["']?\s*:\s*(?:\[\s*\]|null)""")


def cluster_rules(plan: Plan) -> Iterator[Finding]:
    for where, command, _ in commands(plan):
        yield from _kolla_stop(command, where)
        yield from _mutable_tags(command, where)
        yield from _openshift(command, where)
        yield from _doors(command, where)
    for index, step in enumerate(plan.steps):
        yield from _pacemaker(step, f"steps/{index}")
        yield from _not_idempotent(step, f"steps/{index}")
    yield from _first_configured(plan)
    yield from _promoted(plan)
    yield from _not_ready(plan)
    yield from _transport(plan)
    if plan.fleet is not None and plan.fleet.waves[0] > 1:
        yield Finding(
            rule="no-canary",
            where=f"items/{plan.fleet.name}/waves",
            problem=f"the first wave takes {plan.fleet.waves[0]} at once: what is wrong hits all of them",
            suggestion="let the first wave be one: [1, …]",
            level=Level.WARNING,
        )


def _kolla_stop(command: Command, where: str) -> Iterator[Finding]:
    for call in calls(command):
        tags = any(word in ("-t", "--tags") or word.startswith("--tags=") for word in call.arguments)
        if call.program == "kolla-ansible" and "stop" in call.plain and not tags:
            yield Finding(
                rule="stops-everything",
                where=where,
                problem="`kolla-ansible stop` without tags stops libvirt and Open vSwitch too: machines and network go",
                suggestion="name the services: `-t keystone,glance,…`",
            )


_IMAGE = re.compile(r"(?:[\w.-]+(?::\d+)?/)?[\w./-]+:[\w][\w.-]*")


def _mutable_tags(command: Command, where: str) -> Iterator[Finding]:
    for call in calls(command):
        if call.program in ("podman", "docker") and call.verb in ("run", "pull", "create"):
            words = [w for w in call.plain[1:] if _IMAGE.fullmatch(w) and "/" in w and not w.startswith("/")]
        elif call.program == "kolla-ansible":
            words = [w for w in call.arguments if re.fullmatch(r"\w+_tag=[\w.-]+", w)]
        else:
            continue
        for word in words[:1]:
            yield Finding(
                rule="mutable-tag",
                where=where,
                problem=f"'{word}' names whatever its tag points to today, which may be the new image",
                suggestion="name the image by its recorded digest: NAME@sha256:…",
                level=Level.WARNING,
            )


def _openshift(command: Command, where: str) -> Iterator[Finding]:
    text = text_of(command)
    if _FINALIZERS.search(text):
        yield Finding(
            rule="finalizers-removed",
            where=where,
            problem="without its finalizers an object goes and what it owns stays behind, volumes among it",
            suggestion="delete with a bounded wait, and let a person look at what does not go",
        )
    if _PATCHES_RELEASE.search(text) and "force-upgrade-to" not in text:
        yield Finding(
            rule="stale-annotation",
            where=where,
            problem="an annotation force-upgrade-to that names another image makes the operator refuse this one",
            suggestion="set hypershift.openshift.io/force-upgrade-to to the same image in the same patch",
        )
    if re.search(r"history\[1\]", text):
        yield Finding(
            rule="history-by-index",
            where=where,
            problem="the second entry of the history may be a partial one of the same version, and not the previous",
            suggestion="take the first entry whose version or image differs",
        )


def _doors(command: Command, where: str) -> Iterator[Finding]:
    """What can never be undone has no place on a way back."""
    if where.endswith(("/do", "/undo")) and (found := _ONE_WAY.search(text_of(command))):
        yield Finding(
            rule="one-way-door",
            where=where,
            problem=f"`{found.group()}` goes forward only, and closes a way back for good",
            suggestion="take it out; a probe may look whether it was done",
        )


def _pacemaker(step: Step, where: str) -> Iterator[Finding]:
    for call in calls(step.do) if step.do else ():
        asks = call.program == "pcs" and {"enable", "disable"} & {*call.plain[:3]} and "resource" in call.plain
        if asks and not any(word.startswith("--wait") for word in call.arguments) and not step.verify.within_s:
            yield Finding(
                rule="not-awaited",
                where=f"{where}/verify",
                problem="pcs only notes the wish; asked at once, the answer is about the state before",
                suggestion="add `--wait=SECONDS` to the command, or `within_s` here",
            )
            return


def _not_idempotent(step: Step, where: str) -> Iterator[Finding]:
    if step.do is None or not step.idempotent:
        return
    text, found = text_of(step.do), ""
    for call in calls(step.do):
        if call.program in ("iptables", "ip6tables") and {"-I", "-A"} & {*call.arguments} and " -C " not in text:
            found = f"{call.program} twice adds the rule twice"
        if call.program == "pcs" and "constraint" in call.plain and "id=" in text and not re.search(r"grep|list", text):
            found = "a constraint of the same id is an error the second time"
    if found:
        yield Finding(
            rule="not-idempotent",
            where=f"{where}/idempotent",
            problem=f"it is said to do no harm twice, and {found}",
            suggestion="look whether it is there first, or take `idempotent` out",
        )


def _first_configured(plan: Plan) -> Iterator[Finding]:
    parts: list[tuple[str, Step | Check, Command]] = []
    parts += [(f"steps/{i}", step, step.do or step.verify.command) for i, step in enumerate(plan.steps)]
    parts += [(f"validations/{i}", check, check.look.command) for i, check in enumerate(plan.validations)]
    for where, part, command in parts:
        if part.on is On.FIRST and any(call.program in _CLUSTER_WIDE for call in calls(command)):
            yield Finding(
                rule="first-configured",
                where=f"{where}/on",
                problem="any member can answer for the cluster, and it stops where the first one in the file is down",
                suggestion="say `on: one_reachable`",
                level=Level.WARNING,
            )


_PROMOTABLE = re.compile(r"galera|redis|ovn-?db", re.IGNORECASE)


def _promoted(plan: Plan) -> Iterator[Finding]:
    """A promotable bundle is never 'Started': it is promoted, or its members are not."""
    looks: list[tuple[str, Part, Look]] = [(f"steps/{i}/verify", s, s.verify) for i, s in enumerate(plan.steps)]
    looks += [(f"preflight/{i}", check, check.look) for i, check in enumerate(plan.preflight)]
    looks += [(f"validations/{i}", check, check.look) for i, check in enumerate(plan.validations)]
    for where, part, look in looks:
        items = part.foreach.items if part.foreach else ()
        text = " ".join((text_of(look.command), look.expect.matches or "", look.expect.equals or "", *items))
        if "pcs" in text and "Started" in text and _PROMOTABLE.search(text) and not re.search(r"Promoted|Master", text):
            yield Finding(
                rule="promoted-unseen",
                where=where,
                problem="a promoted resource (Galera's) shows as Promoted or Master, never as Started",
                suggestion="count 'Started|Promoted|Master', as many as there are members",
                level=Level.WARNING,
            )


_API = re.compile(r"api|keystone|horizon|metadata", re.IGNORECASE)


def _not_ready(plan: Plan) -> Iterator[Finding]:
    """A unit that is active says that its container runs, not that the API in it answers."""
    last = -1
    for index, step in enumerate(plan.steps):
        if any(call.program in _ASKS_AN_API for call in calls(step.verify.command)):
            last = index
    asked_at_the_end = any(call.program in _ASKS_AN_API for c in plan.validations for call in calls(c.look.command))
    for index, step in enumerate(plan.steps):
        starts = calls(step.do) if step.do else ()
        items = step.foreach.items if step.foreach else ()
        api = any(_starts(call) and _API.search(" ".join((*call.words, *items))) for call in starts)
        only = all(_asks_systemd(call) for call in calls(step.verify.command))
        if api and only and index > last and not asked_at_the_end:
            yield Finding(
                rule="active-is-not-ready",
                where=f"steps/{index}/verify",
                problem="'active' says that a process runs; nothing here or later asks the API whether it answers",
                suggestion="ask it: by curl or openstack, here or in a validation",
                level=Level.WARNING,
            )


def _starts(call: Call) -> bool:
    return call.program == "systemctl" and bool({"start", "restart"} & {*call.plain[:1]})


def _asks_systemd(call: Call) -> bool:
    return call.program in ("systemctl", "grep", "echo", "test", "[")


def _transport(plan: Plan) -> Iterator[Finding]:
    """Ssh ends with 255 where the host could not be asked at all."""
    looks = [(f"steps/{i}/verify/expect", step.verify.expect) for i, step in enumerate(plan.steps)]
    looks += [(f"preflight/{i}/expect", check.look.expect) for i, check in enumerate(plan.preflight)]
    looks += [(f"validations/{i}/expect", check.look.expect) for i, check in enumerate(plan.validations)]
    for i, point in enumerate(plan.points_of_no_return):
        for n, probe in enumerate(point.probes):
            looks.append((f"points_of_no_return/{i}/probes/{n}/reversible", probe.reversible))
    for where, condition in looks:
        if condition.exit and 255 in condition.exit:
            yield Finding(
                rule="transport-as-answer",
                where=where,
                problem="255 is how ssh, and what is behind it, ends where a host could not be asked",
                suggestion="take it out: no answer is `unknown`",
            )
