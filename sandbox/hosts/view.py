"""
A file system view of a host's own: its own /var, /etc, /root and so on; the rest of the machine read-only.

A plan's commands name the paths they name in production (`/var/lib/mysql/grastate.dat`), and some of them remove what
lies there. On a practice host they may, because a user namespace and a mount namespace (user_namespaces(7),
mount_namespaces(7)) put HOST/root/var over /var. Nothing of it needs root. Nothing reaches what lies outside either,
also where this is run as root: the machine's directories and its kernel's settings are read-only, and of its devices
there are only those that hold nothing.

Linux 5.12 and user namespaces are needed; `why_not` says what is missing.
"""

import ctypes
import errno
import os
import sys
from pathlib import Path

import sandbox

#: Directories every host has for itself, under HOST/root.
OWN = ("etc", "home", "media", "mnt", "opt", "root", "run", "srv", "tmp", "var")
#: What a host's own /etc borrows from the machine, so that the machine's programs work.
ETC = ("alternatives", "group", "ld.so.cache", "ld.so.conf.d", "localtime", "nsswitch.conf", "passwd", "protocols")
#: Of the machine's devices, those every program expects and none can harm.
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER = 0x20000, 0x4000000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE, MS_NOSUID = 4096, 16384, 1 << 18, 2
MNT_DETACH = 2
AT_RECURSIVE, AT_FDCWD = 0x8000, -100
MOUNT_ATTR_RDONLY = 1
SYS_MOUNT_SETATTR, SYS_PIVOT_ROOT = 442, {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)


def root_of(directory: Path) -> Path:
    """Where the host's own directories lie, seen from outside."""
    return directory / "root"


def lay_out(directory: Path) -> None:
    """Make the host's own directories."""
    for name in OWN:
        (root_of(directory) / name).mkdir(parents=True)
    for name in ("var/lib", "var/log", "var/tmp"):
        (root_of(directory) / name).mkdir()
    (root_of(directory) / "etc" / "hostname").write_text(directory.name + "\n")
    (root_of(directory) / "etc" / "hosts").write_text(f"127.0.0.1 localhost {directory.name}\n")


def why_not() -> str:
    """Return why this machine cannot give hosts a view of their own; "" if it can."""
    if os.uname().machine not in SYS_PIVOT_ROOT:
        return f"unknown processor '{os.uname().machine}'"
    child = os.fork()
    if not child:
        try:
            _unshare()
        except OSError as error:
            os._exit(error.errno or errno.EPERM)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return f"user namespaces are not allowed here ({os.strerror(code)}); see user_namespaces(7)" if code else ""


def enter(directory: Path, world: Path) -> None:
    """
    Let this process and all its children see the host's own view. *world*, where the host lies, stays where it is.

    The process must have one thread only.

    Raises:
        OSError: the kernel does not allow it.
    """
    _unshare()
    new = directory / "view"
    new.mkdir(exist_ok=True)
    _mount("none", "/", MS_REC | MS_PRIVATE)
    _mount("tmpfs", str(new), MS_NOSUID, kind="tmpfs")
    for entry in os.scandir("/"):
        _take_over(entry, new, directory)
    for name in ETC:
        if Path("/etc", name).exists():
            _bind(Path("/etc", name), new / "etc" / name, read_only=True)
    for kept in _kept(world):
        _bind(kept, new / kept.relative_to("/"), read_only=kept != world)
    os.chdir(new)
    _check(_libc.syscall(SYS_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")
    hostname = directory.name.encode()
    _check(_libc.sethostname(hostname, len(hostname)), "sethostname")


def _take_over(entry: os.DirEntry[str], new: Path, directory: Path) -> None:
    there = new / entry.name
    if entry.is_symlink():
        there.symlink_to(Path(entry.path).readlink())
    elif entry.name in OWN:
        _bind(root_of(directory) / entry.name, there, read_only=False)
    elif entry.name == "dev":
        _devices(there)
    elif entry.is_dir() and os.access(entry.path, os.R_OK | os.X_OK):
        _bind(Path(entry.path), there, read_only=True)


def _devices(there: Path) -> None:
    (there / "shm").mkdir(parents=True)
    for name in DEVICES:
        _bind(Path("/dev", name), there / name, read_only=False)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (there / name).symlink_to(f"/proc/self/fd{target}")


def _kept(world: Path) -> list[Path]:
    """What has to stay where it is although it may lie under one of the host's own: the world, Python, this code."""
    wanted = {Path(sandbox.__file__).resolve().parents[1], Path(sys.prefix), Path(sys.base_prefix).resolve()}
    return [*(path for path in sorted(wanted) if path.parts[1] in OWN), world]


def _bind(source: Path, place: Path, *, read_only: bool) -> None:
    if source.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    _mount(str(source), str(place), MS_BIND | MS_REC)
    if read_only:
        attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
        call = (SYS_MOUNT_SETATTR, AT_FDCWD, os.fsencode(place), AT_RECURSIVE, attributes, ctypes.sizeof(attributes))
        _check(_libc.syscall(*call), f"mount_setattr {place}")


def _unshare() -> None:
    """Become root of new namespaces; outside, this process is who it was."""
    uid, gid = os.getuid(), os.getgid()
    _check(_libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def _mount(source: str, place: str, flags: int, *, kind: str = "none") -> None:
    words = (source.encode(), os.fsencode(place), kind.encode())
    _check(_libc.mount(*words, ctypes.c_ulong(flags), None), f"mount {place}")


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
