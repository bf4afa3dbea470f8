"""A JSON service over HTTP on one loopback port, and a client for it."""

import http.client
import json
import os
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Respond = Callable[[str, str, Any], tuple[int, Any]]
"""(method, path, body) -> (status, what to answer as JSON)."""


def serve(port: int, respond: Respond) -> None:
    """Answer until the process is ended; say so on the READY_FD pipe once the port is open."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = respond(self.command, self.path, body)
            data = json.dumps(answer, sort_keys=True).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = answer  # noqa: N815 - http.server looks these names up
        do_POST = answer  # noqa: N815 - as above

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    if "READY_FD" in os.environ:
        ready = int(os.environ.pop("READY_FD"))
        os.write(ready, b"1")
        os.close(ready)
    server.serve_forever()


def ask(url: str, *, method: str = "GET", body: Any = None, timeout_s: float) -> tuple[int, bytes]:
    """
    Return the status and the body of the answer.

    Raises:
        OSError: nobody answered (refused, or time is up).
        http.client.HTTPException: what came was not HTTP.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout_s)
    try:
        connection.request(method, parts.path or "/", body=json.dumps(body).encode() if body is not None else None)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
