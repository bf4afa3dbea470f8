"""
Databases, snapshots and their backups: loads that leave half of the new state, bootstraps beside a living cluster.

The facts behind each rule stand in the documents it names: Galera's crash recovery (codership), Kolla's and TripleO's
restore guides, LVM's snapshots.
"""

import re
from collections.abc import Iterator

from core.lint_finding import Finding, Level
from core.plan import Command, On, Plan, Step
from core.plan_checks import commands
from core.shell_words import Call, calls, script_of, text_of, tokens

_SQL = frozenset({"mysql", "mariadb", "psql"})
#: Their -p is a password; psql's is a port.
_WITH_PASSWORD = frozenset(
    {"mysql", "mariadb", "mysqldump", "mariadb-dump", "mysqladmin", "mariadb-admin", "mariabackup", "xtrabackup"}
)
_BOOTSTRAP = re.compile(
    r"--wsrep-new-cluster|galera_new_cluster|pc\.bootstrap=|galera_force_bootstrap|safe_to_bootstrap: 1"
)
_CHOSEN = (On.ELECTED, On.NEWEST)
#: Backups of the files themselves: only the version that wrote them can be trusted to read them.
_PHYSICAL = frozenset({"mariabackup", "xtrabackup", "etcd"})


def data_rules(plan: Plan) -> Iterator[Finding]:
    for where, command, _ in commands(plan):
        yield from _passwords(command, where)
        yield from _seqno_as_text(command, where)
    for index, step in enumerate(plan.steps):
        yield from _bootstrap(step, f"steps/{index}")
    yield from _loads(plan)
    yield from _keys(plan)
    yield from _snapshots(plan)


def _passwords(command: Command, where: str) -> Iterator[Finding]:
    for call in calls(command):
        for word in call.arguments:
            short = call.program in _WITH_PASSWORD and re.match(r"-p.+", word)
            if short or re.match(r"--(?:os-)?password=.+", word):
                yield Finding(
                    rule="password-in-argv",
                    where=where,
                    problem=f"`{call.program} {word[:2]}…` shows the password to whoever lists processes, and in logs",
                    suggestion="use a defaults file on the host, or the environment of a root shell",
                )
                return


_SORTS_TEXT = re.compile(r"(?<![-\w])sort\b(?!\s+(?:-k\S*\s+)?(?:-\w*[nVghu]|--(?:numeric|general|version|unique)))")
_COMPARES_TEXT = re.compile(r"\[ [^\]]*\\[<>] |\[\[ [^\]]* [<>] ")


def _seqno_as_text(command: Command, where: str) -> Iterator[Finding]:
    for line in text_of(command).splitlines():
        if "seqno" in line.lower() and (_SORTS_TEXT.search(line) or _COMPARES_TEXT.search(line)):
            yield Finding(
                rule="seqno-as-text",
                where=where,
                problem="sequence numbers are compared as text: 9 comes after 10, and the wrong member is chosen",
                suggestion="compare them as numbers: `sort -n`, `-gt`",
            )
            return


def _bootstrap(step: Step, where: str) -> Iterator[Finding]:
    if step.do is not None and _BOOTSTRAP.search(text_of(step.do)) and not step.guard and step.on not in _CHOSEN:
        yield Finding(
            rule="bootstrap-unchecked",
            where=where,
            problem="it begins a new cluster; nothing makes sure that none lives and that this member is the newest",
            suggestion="choose the member by `on: newest`, or `guard` it by a probe that sees a living cluster",
        )


def _loads(plan: Plan) -> Iterator[Finding]:
    """A dump that is loaded leaves the databases it does not know of."""
    drops = any(re.search(r"\bdrop\s+database\b", text_of(step.do), re.IGNORECASE) for step in plan.steps if step.do)
    for index, step in enumerate(plan.steps):
        if step.do is not None and loads_dump(step.do) and not drops:
            yield Finding(
                rule="load-without-drop",
                where=f"steps/{index}/do",
                problem="a dump is loaded, and databases that only the new release has stay: old code on half of it",
                suggestion="drop the databases the dump does not know of before, by their recorded list",
            )


def loads_dump(command: Command) -> bool:
    words = [word for word in tokens(script_of(command)) if word != "\n"]
    feeds = any(word == "<" for word in words) or any(call.piped and _reads_file(call) for call in calls(command))
    return feeds and any(call.program in _SQL and not _asks(call) for call in calls(command))


def _reads_file(call: Call) -> bool:
    return call.program in ("zcat", "gunzip", "gzip", "cat", "pigz", "zstdcat", "xzcat", "lz4cat")


def _asks(call: Call) -> bool:
    """Return whether the statements are given as words, so that nothing is read from a file."""
    return any(re.fullmatch(r"-[A-Za-z]*[ec]|--execute|--command", word) for word in call.arguments)


def _keys(plan: Plan) -> Iterator[Finding]:
    """Passwords and token keys that were changed since the backup are not in it."""
    texts = [text_of(command).lower() for _, command, _ in commands(plan)]
    texts += [item for step in plan.steps if step.foreach for item in step.foreach.items]
    if any("fernet" in text for text in texts) or not any("keystone" in text for text in texts):
        return
    for index, step in enumerate(plan.steps):
        if step.do is not None and (loads_dump(step.do) or "--copy-back" in text_of(step.do)):
            yield Finding(
                rule="keys-not-restored",
                where=f"steps/{index}/do",
                problem="the database goes back, and keystone's fernet keys and the services' passwords may be newer",
                suggestion="compare the fernet keys with a baseline in preflight, and restore them together",
                level=Level.WARNING,
            )


def _snapshots(plan: Plan) -> Iterator[Finding]:
    for name, need in plan.snapshots.items():
        if need.kind in _PHYSICAL and not need.engine:
            yield Finding(
                rule="engine-unchecked",
                where=f"snapshots/{name}",
                problem=f"a {need.kind} is read by the version that wrote it alone, and the plan takes any",
                suggestion='say `engine: "{baseline.NAME}"`',
                level=Level.WARNING,
            )
    yield from _lvm(plan)


def _lvm(plan: Plan) -> Iterator[Finding]:
    """A snapshot that ran full is invalid, and nothing says so before it is merged."""
    early = [check.look.command for check in plan.preflight]
    early += [probe.command for point in plan.points_of_no_return for probe in point.probes]
    if any(re.search(r"\b(?:snap_percent|data_percent|lv_attr)\b", text_of(command)) for command in early):
        return
    merges = [f"steps/{i}/do" for i, step in enumerate(plan.steps) if step.do and _merges(step.do)]
    merges += [f"snapshots/{name}" for name, need in plan.snapshots.items() if "lvm" in need.kind.lower()]
    for where in merges[:1]:
        yield Finding(
            rule="snapshot-space-unseen",
            where=where,
            problem="an LVM snapshot that ran full is void, and nothing looks at how full it is before it is relied on",
            suggestion="probe `lvs -o lv_name,snap_percent,lv_attr` on every host: below 100, and not invalid",
        )


def _merges(command: Command) -> bool:
    text = text_of(command)
    return ("lvconvert" in text and "--merge" in text) or "backup snapshot --revert" in text
