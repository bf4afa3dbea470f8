"""nova-api of Newton: an instance carries its own size (schema 334)."""

from collections.abc import Callable
from typing import Any

Query = Callable[..., list[dict[str, Any]]]


def servers(query: Query) -> list[dict[str, Any]]:
    return query("SELECT id, name, project, vcpus, memory_mb FROM instances ORDER BY id")


def usage(query: Query) -> dict[str, Any]:
    return query("SELECT count(*) AS instances, sum(vcpus) AS vcpus, sum(memory_mb) AS memory_mb FROM instances")[0]


def create(query: Query, body: dict[str, Any]) -> None:
    query(
        "INSERT INTO instances (name, project, vcpus, memory_mb) VALUES (?, ?, ?, ?)",
        body["name"],
        body["project"],
        body["vcpus"],
        body["memory_mb"],
    )
