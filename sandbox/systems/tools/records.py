"""
A small cloud's records, for furnishing: SQL scripts, one a database. Few rows, but enough to tell one cloud, one
release and one moment from another.
"""

from __future__ import annotations

import uuid

from sandbox.systems.tools import sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.systems.tools.datadir import Datadir

MADE = "2026-04-12 08:00:00"


def ident(name: str) -> str:
    """Return the same UUID for the same name, always."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def furnish(data: Datadir, scripts: Mapping[str, str]) -> None:
    """Make each database of *scripts* (name -> SQL) in a data directory no server has open."""
    for database, script in scripts.items():
        session = sql.Session(data)
        session.run(f"CREATE DATABASE IF NOT EXISTS `{database}`")
        session.use(database)
        for statement in sql.statements(script):
            session.run(statement)
        session.close()


def cloud(
    heads: Mapping[str, Sequence[str]],
    *,
    controllers: Sequence[str] = (),
    computes: Sequence[str] = (),
    servers: Mapping[str, str],
    address: str = "192.0.2.10",
    version: int = 61,
) -> dict[str, str]:
    """
    Return the scripts of a cloud whose schemas stand at *heads* (database -> revisions), with *servers* (name -> host).

    *version* is what nova's and cinder's services say of themselves.
    """
    makers = {"keystone": _keystone(address), "nova": _nova(controllers, computes, servers, version)}
    makers |= {"neutron": _neutron(controllers, computes, servers), "cinder": _cinder(controllers, servers, version)}
    makers |= {"glance": _glance(), "heat": _heat()}
    plain = "CREATE TABLE things (id varchar(36) NOT NULL, name varchar(255), PRIMARY KEY (id));"
    return {name: _alembic(revisions) + makers.get(name, plain) for name, revisions in heads.items()}


def _alembic(revisions: Sequence[str]) -> str:
    made = "CREATE TABLE alembic_version (version_num varchar(64) NOT NULL, PRIMARY KEY (version_num));"
    return made + "".join(f"INSERT INTO alembic_version VALUES ('{revision}');" for revision in revisions)


def _rows(table: str, rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    written = ",".join(f"({','.join(_literal(value) for value in row)})" for row in rows)
    return f"INSERT INTO {table} VALUES {written};"


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _keystone(address: str) -> str:
    names = ("keystone", "glance", "nova", "neutron", "cinder", "placement")
    kinds = ("identity", "image", "compute", "network", "volumev3", "placement")
    ports = (5000, 9292, 8774, 9696, 8776, 8778)
    services = [(ident(f"service {name}"), name, kind) for name, kind in zip(names, kinds, strict=True)]
    endpoints = [
        (ident(f"endpoint {name}"), ident(f"service {name}"), "regionOne", "public", 1, f"http://{address}:{port}")
        for name, port in zip(names, ports, strict=True)
    ]
    users = [(ident(f"user {name}"), name, 1, MADE) for name in ("admin", "nova", "glance", "demo")]
    return (
        "CREATE TABLE user (id varchar(64) NOT NULL, name varchar(255), enabled int, created_at datetime, "
        "PRIMARY KEY (id));"
        "CREATE TABLE project (id varchar(64) NOT NULL, name varchar(64), PRIMARY KEY (id));"
        "CREATE TABLE service (id varchar(64) NOT NULL, name varchar(255), type varchar(255), PRIMARY KEY (id));"
        "CREATE TABLE endpoint (id varchar(64) NOT NULL, service_id varchar(64), region_id varchar(255), "
        "interface varchar(8), enabled int, url text, PRIMARY KEY (id));"
        + _rows("user", users)
        + _rows("project", [(ident(f"project {name}"), name) for name in ("admin", "service", "demo")])
        + _rows("service", services)
        + _rows("endpoint", endpoints)
    )


def _nova(controllers: Sequence[str], computes: Sequence[str], servers: Mapping[str, str], version: int) -> str:
    named = [(host, "nova-conductor") for host in controllers] + [(host, "nova-scheduler") for host in controllers]
    named += [(host, "nova-compute") for host in computes]
    services = [(n, host, binary, 0, version, 0, MADE) for n, (host, binary) in enumerate(named, 1)]
    instances = [(n, ident(name), name, "active", host, 0, MADE) for n, (name, host) in enumerate(servers.items(), 1)]
    return (
        "CREATE TABLE services (id int NOT NULL, host varchar(255), `binary` varchar(255), disabled int, version int, "
        "deleted int, updated_at datetime, PRIMARY KEY (id));"
        "CREATE TABLE instances (id int NOT NULL, uuid varchar(36), display_name varchar(255), vm_state varchar(255), "
        "host varchar(255), deleted int, created_at datetime, PRIMARY KEY (id));"
        + _rows("services", services)
        + _rows("instances", instances)
    )


def _neutron(controllers: Sequence[str], computes: Sequence[str], servers: Mapping[str, str]) -> str:
    agents = [(host, "OVN Controller Gateway agent", "ovn-controller") for host in controllers]
    agents += [(host, "OVN Controller agent", "ovn-controller") for host in computes]
    rows = [(ident(f"agent {host}"), kind, host, binary, MADE) for host, kind, binary in agents]
    return (
        "CREATE TABLE agents (id varchar(36) NOT NULL, agent_type varchar(255), host varchar(255), "
        "`binary` varchar(255), "
        "heartbeat_timestamp datetime, PRIMARY KEY (id));"
        "CREATE TABLE networks (id varchar(36) NOT NULL, name varchar(255), created_at datetime, PRIMARY KEY (id));"
        "CREATE TABLE ports (id varchar(36) NOT NULL, name varchar(255), device_id varchar(255), status varchar(16), "
        "created_at datetime, PRIMARY KEY (id));"
        + _rows("agents", rows)
        + _rows("networks", [(ident(f"network {name}"), name, MADE) for name in ("private", "public")])
        + _rows("ports", [(ident(f"port {name}"), f"port of {name}", ident(name), "ACTIVE", MADE) for name in servers])
    )


def _cinder(controllers: Sequence[str], servers: Mapping[str, str], version: int) -> str:
    services = [(n, host, "cinder-scheduler", 0, version, 0, MADE) for n, host in enumerate(controllers, 1)]
    services += [(len(services) + 1, "hostgroup@ceph", "cinder-volume", 0, version, 0, MADE)]
    volumes = [(ident(f"volume {name}"), f"disk of {name}", "in-use", 10, 0, MADE) for name in servers]
    return (
        "CREATE TABLE services (id int NOT NULL, host varchar(255), `binary` varchar(255), disabled int, version int, "
        "deleted int, updated_at datetime, PRIMARY KEY (id));"
        "CREATE TABLE volumes (id varchar(36) NOT NULL, display_name varchar(255), status varchar(255), size int, "
        "deleted int, created_at datetime, PRIMARY KEY (id));" + _rows("services", services) + _rows("volumes", volumes)
    )


def _glance() -> str:
    return (
        "CREATE TABLE images (id varchar(36) NOT NULL, name varchar(255), status varchar(30), deleted int, "
        "created_at datetime, PRIMARY KEY (id));"
        + _rows("images", [(ident(f"image {name}"), name, "active", 0, MADE) for name in ("cirros", "rhel-9")])
    )


def _heat() -> str:
    return (
        "CREATE TABLE stack (id varchar(36) NOT NULL, name varchar(255), status varchar(255), PRIMARY KEY (id));"
        + _rows("stack", [(ident("stack overcloud"), "overcloud", "UPDATE_COMPLETE")])
    )
