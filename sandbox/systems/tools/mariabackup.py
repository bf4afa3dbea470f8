"""
`mariabackup` (and `mariadb-backup`): --backup, --prepare, --copy-back; and `mbstream -x -C DIR`. As the real ones they
say on stderr what they do and end with "completed OK!"; a stream is a tar archive here.
"""

from __future__ import annotations

import io
import os
import sys
import tarfile
import time

from sandbox.systems.tools import galera
from sandbox.systems.tools.datadir import Datadir
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.mysql import TAKES_VALUE, connect
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine

TAKES = (*TAKES_VALUE, "--target-dir", "--datadir", "--stream", "-C", "--directory", "--incremental-dir", "--history")


def main(machine: Machine, argv: list[str]) -> int:
    sticking = [f"--password={word[2:]}" if word.startswith("-p") and len(word) > 2 else word for word in argv]
    words = Words(sticking, TAKES)
    if machine.tool == "mbstream":
        return _unpack(machine, words)
    target = words.one("--target-dir", default="/xtrabackup_backupfiles")
    if words.has("--backup"):
        return _backup(machine, words, target)
    if words.has("--prepare"):
        return _prepare(machine, target)
    if words.has("--copy-back", "--move-back"):
        return _copy_back(machine, words, target)
    raise SaysNoError("[ERROR] one of --backup, --prepare, --copy-back is needed")


def _say(text: str) -> None:
    print(f"[00] {time.strftime('%Y-%m-%d %H:%M:%S')} {text}", file=sys.stderr)


def _backup(machine: Machine, words: Words, target: str) -> int:
    server = connect(machine, words)
    data = galera.datadir(server)
    stream = words.one("--stream")
    place = Datadir(machine.path(target if not stream else f"/var/tmp/backup-{os.getpid()}"))
    if os.path.isdir(place.path) and os.listdir(place.path):
        raise SaysNoError(f"[00] mariabackup: Can't create directory '{target}' (Errcode: 17 \"File exists\")")
    machine.linger("backing up")
    place.become(data)
    _checkpoints(place, "full-backuped")
    position = data.position()
    _write(place, "xtrabackup_info", f"tool_name = mariabackup\nserver_version = {galera.engine_of(server)}\n")
    if words.has("--galera-info"):
        _write(place, "xtrabackup_galera_info", f"{position['uuid']}:{position['seqno']}")
    if stream:
        with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
            archive.add(place.path, arcname=".")
        machine.clear(f"/var/tmp/backup-{os.getpid()}")
    _say("completed OK!")
    return 0


def _checkpoints(place: Datadir, kind: str) -> None:
    _write(place, "xtrabackup_checkpoints", f"backup_type = {kind}\nfrom_lsn = 0\nto_lsn = 46211\n")


def _write(place: Datadir, name: str, text: str) -> None:
    with open(f"{place.path}/{name}", "w") as file:
        file.write(text)


def _kind(place: Datadir) -> str:
    try:
        with open(f"{place.path}/xtrabackup_checkpoints") as file:
            return file.readline().partition("=")[2].strip()
    except FileNotFoundError:
        return ""


def _prepare(machine: Machine, target: str) -> int:
    place = Datadir(machine.path(target))
    if not _kind(place) or place.empty:
        raise SaysNoError(f"[00] FATAL ERROR: cannot open {target}/xtrabackup_checkpoints: the backup is not complete")
    machine.linger("preparing", 0.5)
    _checkpoints(place, "full-prepared")
    _say("completed OK!")
    return 0


def _copy_back(machine: Machine, words: Words, target: str) -> int:
    place, data = Datadir(machine.path(target)), galera.datadir(machine)
    if path := words.one("--datadir"):
        data = Datadir(machine.path(path))
    if _kind(place) != "full-prepared":
        raise SaysNoError("[00] FATAL ERROR: This target seems to be not prepared yet.")
    if data.there and os.listdir(data.path):
        raise SaysNoError(f"[00] Error: Original data directory {data.path.partition('/root')[2]} is not empty!")
    machine.linger("copying back")
    data.become(place)
    _say("completed OK!")
    return 0


def _unpack(machine: Machine, words: Words) -> int:
    place = machine.path(words.one("-C", "--directory", default="."))
    if not words.has("-x", "--extract"):
        raise SaysNoError("mbstream: one of -c or -x is needed")
    try:
        with tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()), mode="r:") as archive:
            archive.extractall(place)
    except (tarfile.TarError, EOFError) as error:
        raise SaysNoError(f"mbstream: Wrong chunk magic at offset 0x0. ({error})") from error
    return 0
