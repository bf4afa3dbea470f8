"""What `belay doctor` looks at, each as a line: is it well, what was found, and how to mend it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.settings import Settings
from bot.wiring import Config, ssh_settings
from core.action import Action, Verb
from core.errors import AccessDeniedError, BelayError, HostNotReadyError, UnreachableError
from core.target import Host, Target
from executors.ssh import SshExecutor
from store.config_files import load_roster, load_targets
from store.database import Store
from store.plan_files import load_plans

#: Seconds a host gets to answer, and by how much its clock may differ before somebody should look.
HOST_S = 20.0
SKEW_S = 30.0
#: Hosts asked at once.
_AT_ONCE = 16

# Looks only: the claim directory is made by the first run. The first existing folder above it has to be writable.
_LOOK = """\
date +%s
d=$STATE_DIR
while [ ! -e "$d" ]; do d=$(dirname "$d"); done
if [ -d "$d" ] && [ -w "$d" ]; then echo writable; else echo "not writable: $d"; fi
id -un
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    found: str
    mend: str = ""  #: what to do now; "" where it is well

    def __str__(self) -> str:
        mark = "✓" if self.ok else "✗"
        return f"{mark} {self.what}: {self.found}" + (f"\n    → {self.mend}" if self.mend else "")


@dataclass(slots=True)
class Files:
    """The configuration as far as it could be read, for the looks that follow."""

    findings: list[Finding] = field(default_factory=list)
    config: Config | None = None


def read_files(settings: Settings) -> Files:
    """Read targets, roster and plans, each by itself, so that one bad file hides no other."""
    files = Files()
    targets = roster = None
    try:
        targets = load_targets(settings.targets_file)
        files.findings.append(_well("targets file", f"{settings.targets_file}: {', '.join(targets)}"))
    except (BelayError, OSError) as error:
        files.findings.append(_ill("targets file", str(error), _CONFIG))
    try:
        roster = load_roster(settings.roster_file)
        files.findings.append(_roster(settings, len(roster.people), len(roster.approvers())))
    except (BelayError, OSError) as error:
        files.findings.append(_ill("roster file", str(error), _CONFIG))
    plans, errors = load_plans(*settings.plan_folders)
    files.findings += [_ill("plan", str(error), "mend the file; `belay lint` checks it again") for error in errors]
    files.findings.append(_well("plans", ", ".join(sorted(plans)) or "none"))
    if targets is not None and roster is not None:
        files.config = Config(targets=targets, roster=roster, plans=plans, plan_errors=tuple(errors))
        files.findings += _fitting(files.config)
    return files


_CONFIG = "docs/ has an annotated example of each file; BELAY_CONFIG names the folder they stand in"


def _roster(settings: Settings, people: int, approvers: int) -> Finding:
    found = f"{settings.roster_file}: {people} people, {approvers} may approve"
    # The requester never counts, so with the usual two approvals a team needs two others at any hour.
    if approvers < 2:
        return _ill("roster file", found, "give at least two people `approve`, better four: somebody is always asleep")
    return _well("roster file", found)


def _fitting(config: Config) -> Iterator[Finding]:
    systems = Counter(plan.system for plan in config.plans.values())
    approvers = len(config.roster.approvers())
    for target in config.targets.values():
        what = f"target {target.id}"
        if not systems[target.system]:
            known = ", ".join(sorted(systems)) or "none"
            yield _ill(
                what, f"no plan is for '{target.system}'", f"put one into the plans folder (systems there: {known})"
            )
            continue
        needed = max(p.approvals.needed for p in config.plans.values() if p.system == target.system)
        if approvers < needed:
            yield _ill(
                what, f"{needed} approvals are needed, {approvers} may approve", "add approvers to the roster file"
            )
        else:
            yield _well(what, f"{systems[target.system]} plan(s) fit it")


async def look_at_database(settings: Settings) -> Finding:
    """Open the database and write to it, beside a bot that may be running."""
    place = settings.url.split("@")[-1]
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        store = await Store.open(settings.url, alone=False)
        try:
            await store.ping()
        finally:
            await store.close()
    except (BelayError, OSError) as error:
        mend = "make the data folder writable for this user, or set BELAY_DATA or BELAY_DATABASE_URL"
        return _ill("database", str(error), mend)
    return _well("database", f"{place} takes writes")


async def look_at_hosts(settings: Settings, targets: Iterable[Target]) -> AsyncIterator[list[Finding]]:
    """Yield the findings of each target's hosts, a target at a time."""
    executor = SshExecutor(ssh_settings(settings))
    room = asyncio.Semaphore(_AT_ONCE)
    try:
        for target in targets:
            yield list(await asyncio.gather(*(_look_at_host(executor, room, target, host) for host in target.hosts)))
    finally:
        await executor.close()


async def _look_at_host(executor: SshExecutor, room: asyncio.Semaphore, target: Target, host: Host) -> Finding:
    what = f"host {target.id}/{host.name}"
    if host.executor != "ssh":
        return _well(what, f"is acted on by '{host.executor}'; its plans' probes are its check")
    action = Action(
        run_id="doctor",
        unit=f"doctor@{host.name}",
        verb=Verb.PROBE,
        script=_LOOK,
        env={"STATE_DIR": host.state_dir},
        timeout_s=HOST_S,
    )
    async with room:
        before = datetime.now(UTC)
        try:
            ended = await executor.look(action, host)
        except BelayError as error:
            return _ill(what, str(error), _mend(error, host))
        after = datetime.now(UTC)
    return judge_host(what, host, ended.stdout, middle=(before + (after - before) / 2).timestamp())


def judge_host(what: str, host: Host, stdout: str, *, middle: float) -> Finding:
    """Judge a host by what `_LOOK` printed; *middle* is our time while it did, in seconds since 1970."""
    lines = stdout.split("\n")
    if len(lines) < 3 or not lines[0].strip().isdecimal():
        return _ill(what, f"answered something else: {stdout[:80]!r}", "its login shell prints text; silence it there")
    skew = int(lines[0]) - middle
    user = lines[2].strip()
    if lines[1] != "writable":
        mend = f"as root there: install -d -o {user} -m 700 {host.state_dir}"
        return _ill(what, f"reachable, key accepted, but {host.state_dir} cannot be made: {lines[1]}", mend)
    if abs(skew) > SKEW_S:
        return _ill(what, f"its clock is {skew:+.0f} s off", "let chrony or ntpd set it; times in logs would mislead")
    return _well(
        what, f"reachable as {user}, key accepted, {host.state_dir} usable, clock within {max(1.0, abs(skew)):.0f} s"
    )


def _mend(error: BelayError, host: Host) -> str:
    name = host.address + (f" port {host.port}" if host.port else "")
    if isinstance(error, AccessDeniedError):
        return f"check its host key (targets file or known_hosts) and that our key may log in: ssh {name}"
    if isinstance(error, HostNotReadyError):
        return "make room on its disk and see that it has a POSIX shell"
    if isinstance(error, UnreachableError):
        return f"see that it is up, and that this machine may reach {name}"
    return "try again; if it stays so, run with --verbose"


def _well(what: str, found: str) -> Finding:
    return Finding(what=what, ok=True, found=found)


def _ill(what: str, found: str, mend: str) -> Finding:
    return Finding(what=what, ok=False, found=found, mend=mend)
