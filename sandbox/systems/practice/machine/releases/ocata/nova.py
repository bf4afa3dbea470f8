"""nova-api of Ocata: sizes live in flavors, in whole GiB (schema 347)."""

from collections.abc import Callable
from typing import Any

Query = Callable[..., list[dict[str, Any]]]

JOINED = "FROM instances LEFT JOIN flavors ON flavors.id = instances.flavor_id"


def servers(query: Query) -> list[dict[str, Any]]:
    rows = query(f"SELECT instances.id, name, project, flavor_id, vcpus, memory_gb {JOINED} ORDER BY instances.id")
    return [_server(row) for row in rows]


def _server(row: dict[str, Any]) -> dict[str, Any]:
    if row["flavor_id"] is None:
        raise LookupError(f"instance '{row['name']}' has no flavor")
    memory_mb = row["memory_gb"] * 1024
    return {key: row[key] for key in ("id", "name", "project", "vcpus")} | {"memory_mb": memory_mb}


def usage(query: Query) -> dict[str, Any]:
    return query(f"SELECT count(*) AS instances, sum(vcpus) AS vcpus, sum(memory_gb) * 1024 AS memory_mb {JOINED}")[0]


def create(query: Query, body: dict[str, Any]) -> None:
    size = (body["vcpus"], body["memory_mb"] // 1024)
    query("INSERT OR IGNORE INTO flavors (vcpus, memory_gb) VALUES (?, ?)", *size)
    query(
        "INSERT INTO instances (name, project, flavor_id)"
        " SELECT ?, ?, id FROM flavors WHERE vcpus = ? AND memory_gb = ?",
        body["name"],
        body["project"],
        *size,
    )
