"""Which commands there are, and how a host gets them. Not imported by the tools themselves."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from core.names import pick
from sandbox.hosts.layout import executable, python_tool

RUN = Path(__file__).with_name("run.py")
PACKAGE = __name__.rpartition(".")[0]

#: Shared commands by the name they are called by, and the module of this package that has them.
SHARED: Mapping[str, str] = {
    "ceph": "ceph",
    "cephadm": "ceph",
    "clustercheck": "mysqld",
    "curl": "curl",
    "docker": "podman",
    "galera_new_cluster": "mysqld",
    "galera_recovery": "mysqld",
    "journalctl": "journalctl",
    "mariabackup": "mariabackup",
    "mariadb": "mysql",
    "mariadb-admin": "mysqladmin",
    "mariadb-backup": "mariabackup",
    "mariadb-dump": "mysqldump",
    "mariadbd": "mysqld",
    "mbstream": "mariabackup",
    "mysql": "mysql",
    "mysql_install_db": "mysqld",
    "mysqladmin": "mysqladmin",
    "mysqld_safe": "mysqld",
    "mysqldump": "mysqldump",
    "oc": "oc",
    "openstack": "openstack",
    "ovs-vsctl": "ovs_vsctl",
    "ping": "ping",
    "podman": "podman",
    "rabbitmq-diagnostics": "rabbitmqctl",
    "rabbitmq-upgrade": "rabbitmqctl",
    "rabbitmqctl": "rabbitmqctl",
    "ss": "ports",
    "systemctl": "systemctl",
    "virsh": "virsh",
}

#: Shared commands that are a few lines of shell.
SCRIPTS: Mapping[str, str] = {
    # A practice host's commands run as its only user; what production does with sudo is done as that one.
    "sudo": """\
while [ $# -gt 0 ]; do
  case $1 in
    --) shift; break ;;
    -u | -g | --user | --group) shift 2 ;;
    -*) shift ;;
    *=*) export "$1"; shift ;;
    *) break ;;
  esac
done
exec "$@"
""",
    # Owners and labels are not kept on a practice host; that the file is there is.
    "chown": """\
for last; do :; done
exec ls -d "$last" >/dev/null
""",
    "restorecon": """\
for last; do :; done
exec ls -d "$last" >/dev/null
""",
}


def fit_out(
    directory: Path, tools: Iterable[str], inside: Iterable[str], own: Mapping[str, str], *, hides: bool = True
) -> None:
    """
    Put *tools* on the PATH of the host in *directory*, and *inside* where only its containers find them.

    Where the hosts have a view of their own (*hides*), a known command the host has not been given is "not found"
    there, also if this machine has one of that name.

    Raises:
        UnknownNameError: nobody knows a command of that name.
    """
    known = {**{name: f"{PACKAGE}.{module}" for name, module in SHARED.items()}, **own}
    given = set(tools)
    for name in given:
        _make(directory / "bin" / name, name, known)
    hidden = known.keys() - given if hides else set()
    for name in hidden - {"ping"}:  # every host has one that says who it is
        executable(directory / "bin" / name, f'#!/bin/sh\necho "sh: 1: {name}: not found" >&2\nexit 127\n')
    (directory / "inside").mkdir()
    for name in set(inside):
        _make(directory / "inside" / name, name, known)


def _make(path: Path, name: str, known: Mapping[str, str]) -> None:
    if name in SCRIPTS:
        executable(path, f"#!/bin/sh\n{SCRIPTS[name]}")
        return
    python_tool(path, RUN, known[pick("command", name, known)], path.parents[1], name)
