"""
nova-api, practice edition: what every release of it has in common.

The release is what HOST/current points to when the process starts; switching it does nothing to a running one.
"""

import importlib.util
import json
import sys
from http.client import HTTPException
from types import ModuleType
from typing import Any

from .paths import CURRENT, host_settings
from .web import ask, serve

DATABASE_PATIENCE_S = 10.0


class DatabaseError(Exception):
    """The database did not answer the query; `status` is what the caller of the API gets to see."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def main() -> int:
    settings = host_settings()
    try:
        release, code = load()
    except FileNotFoundError as error:
        print(f"nova-api: {error}", file=sys.stderr)
        return 1
    about = {"host": settings["name"], "release": release}

    def query(sql: str, *params: Any) -> list[dict[str, Any]]:
        return ask_database(settings["database"], sql, params)

    def respond(method: str, path: str, body: Any) -> tuple[int, Any]:
        try:
            return 200, about | answer(code, query, method, path, body)
        except DatabaseError as error:
            return error.status, about | {"error": str(error)}
        except NotImplementedError:
            return 404, about | {"error": f"no {method} {path} here"}
        except (LookupError, TypeError, ValueError) as error:
            return 500, about | {"error": f"{type(error).__name__}: {error}"}

    serve(settings["ports"]["nova-api"], respond)
    return 0


def load() -> tuple[str, ModuleType]:
    """
    Return the current release's name and its code.

    Raises:
        FileNotFoundError: `current` points to no release.
    """
    home = CURRENT.resolve(strict=True)
    spec = importlib.util.spec_from_file_location("nova", home / "nova.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{home} holds no nova.py")
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    return home.name, code


def answer(code: ModuleType, query: Any, method: str, path: str, body: Any) -> dict[str, Any]:
    match method, path:
        case "GET", "/servers":
            return {"servers": code.servers(query)}
        case "GET", "/usage":
            return dict(code.usage(query))
        case "GET", "/healthz":
            return {"ok": True, "servers": len(code.servers(query))}
        case "POST", "/servers":
            code.create(query, body)
            return {"created": body["name"]}
        case _:
            raise NotImplementedError


def ask_database(url: str, sql: str, params: tuple[Any, ...]) -> list[dict[str, Any]]:
    try:
        status, data = ask(
            f"{url}/query",
            method="POST",
            body={"sql": sql, "params": params},
            timeout_s=DATABASE_PATIENCE_S,
        )
    except (OSError, HTTPException) as error:
        raise DatabaseError(f"the database does not answer: {error}", 503) from error
    said = json.loads(data)
    if status != 200:
        raise DatabaseError(f"database: {said['error']}", 503 if status == 503 else 500)
    rows: list[dict[str, Any]] = said["rows"]
    return rows
