"""Snapshots a plan restores: which of the ledger's, and whether what is recorded of it fits. Refusals name the fact."""

import re
from collections.abc import Mapping
from datetime import timedelta

from core import plan as p
from core.errors import RefusedError
from core.ledger import Ledger, Snapshot
from core.names import did_you_mean
from core.target import Target
from core.words import fill, fill_known, on_host

#: What commands may know of a snapshot: {snapshot.NAME.place}.
WORDS = ("place", "sha256", "engine_version", "host", "release", "taken_at")


def snapshots_of(plan: p.Plan, target: Target, ledger: Ledger, words: Mapping[str, str]) -> dict[str, Snapshot]:
    """
    Return the recorded snapshot for each one the plan restores.

    Raises:
        RefusedError: one is not recorded, or is of another kind, engine or time, or does not cover what it has to.
    """
    return {name: _fitting(name, plan, target, ledger, words) for name in plan.snapshots}


def known_snapshots(plan: p.Plan, ledger: Ledger, words: Mapping[str, str]) -> dict[str, Snapshot]:
    """Return those that are recorded, whether they fit or not."""
    names = {name: fill_known(need.name or name, words) for name, need in plan.snapshots.items()}
    return {name: ledger.snapshots[chosen] for name, chosen in names.items() if chosen in ledger.snapshots}


def snapshot_words(snapshots: Mapping[str, Snapshot]) -> dict[str, str]:
    return {
        f"snapshot.{name}.{word}": snapshot.taken_at.isoformat() if word == "taken_at" else getattr(snapshot, word)
        for name, snapshot in snapshots.items()
        for word in WORDS
    }


def _fitting(name: str, plan: p.Plan, target: Target, ledger: Ledger, words: Mapping[str, str]) -> Snapshot:
    need = plan.snapshots[name]
    chosen = fill(need.name, words) if need.name else name
    snapshot = ledger.snapshots.get(chosen)
    if snapshot is None:
        raise RefusedError(
            f"plan '{plan.id}' restores the snapshot '{chosen}' and none is recorded for '{ledger.target}'"
            f"{did_you_mean(chosen, ledger.snapshots)}; record it with `belay snapshot {ledger.target} {chosen} ...`"
        )
    if snapshot.kind != need.kind:
        raise RefusedError(f"snapshot '{chosen}' should be a {need.kind}, the ledger has a {snapshot.kind}")
    at_home = [host for host in target.hosts if host.name == snapshot.host]
    local = on_host(words, at_home[0]) if at_home else words
    _check_engine(snapshot, fill(need.engine, local) if need.engine else "")
    _check_coverage(snapshot, need)
    _check_time(snapshot, need, ledger)
    return snapshot


def _check_engine(snapshot: Snapshot, engine: str) -> None:
    """10.6 fits 10.6.16 and not 10.61: a component is compared as a whole."""
    if engine and not re.match(re.escape(engine) + r"(?![0-9A-Za-z])", snapshot.engine_version):
        raise RefusedError(
            f"snapshot '{snapshot.name}' has to be of the engine {engine}; the ledger says "
            f"'{snapshot.engine_version or 'nothing'}' (`belay snapshot --engine-version`). What another version wrote "
            "may not be readable"
        )


def _check_coverage(snapshot: Snapshot, need: p.SnapshotNeed) -> None:
    covered = re.split(r"[\s,]+", snapshot.covers)
    if missing := [word for word in need.covers if word not in covered]:
        raise RefusedError(
            f"snapshot '{snapshot.name}' has to cover {', '.join(need.covers)}; the ledger says "
            f"'{snapshot.covers or 'nothing'}', without {', '.join(missing)} (`belay snapshot --covers`)"
        )


def _check_time(snapshot: Snapshot, need: p.SnapshotNeed, ledger: Ledger) -> None:
    if not need.max_before_upgrade_h:
        return
    if ledger.upgrade is None:
        raise RefusedError(
            f"nobody can say whether the snapshot '{snapshot.name}' was taken before the upgrade: none is recorded for "
            f"'{ledger.target}'; record it with `belay upgrade begin`"
        )
    taken, began = snapshot.taken_at, ledger.upgrade.started_at
    said = f"the ledger says it was taken {taken:%Y-%m-%d %H:%M} UTC and the upgrade began {began:%Y-%m-%d %H:%M} UTC"
    if taken > began:
        raise RefusedError(f"snapshot '{snapshot.name}' is not from before the upgrade: {said}")
    hours = need.max_before_upgrade_h
    if began - taken > timedelta(hours=hours):
        raise RefusedError(f"snapshot '{snapshot.name}' may be {hours:g} h older than the upgrade's beginning: {said}")
