"""
`http-get [--field NAME | --sha256] [--post JSON] [--timeout SECONDS] URL`: ask over HTTP.

A path alone means this host's nova-api.
Exit statuses are curl's: 0 for a 2xx, 7 nobody there, 22 another HTTP status, 28 time is up; 1 no such field.
"""

import argparse
import hashlib
import json
import sys
from http.client import HTTPException

from .paths import host_settings
from .web import ask


def main() -> int:
    parser = argparse.ArgumentParser(prog="http-get")
    parser.add_argument("url")
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--post", type=json.loads, metavar="JSON", help="send this, by POST")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--field", help="print this field of the JSON answer alone")
    kind.add_argument("--sha256", action="store_true", help="print the checksum of the field 'servers'")
    arguments = parser.parse_args()
    url = arguments.url
    if url.startswith("/"):
        url = f"http://127.0.0.1:{host_settings()['ports']['nova-api']}{url}"
    try:
        status, data = ask(
            url,
            method="GET" if arguments.post is None else "POST",
            body=arguments.post,
            timeout_s=arguments.timeout,
        )
    except TimeoutError:
        return _complain(f"no answer from {url} within {arguments.timeout:g} s", 28)
    except (OSError, HTTPException) as error:
        return _complain(f"{url}: {error}", 7)
    if not 200 <= status < 300:
        return _complain(f"{url} answered {status}: {data.decode(errors='replace').strip()[:300]}", 22)
    return _print(data, arguments.field, sha256=arguments.sha256)


def _print(data: bytes, field: str | None, *, sha256: bool) -> int:
    if not (field or sha256):
        print(data.decode().strip())
        return 0
    answer = json.loads(data)
    name = field or "servers"
    if name not in answer:
        return _complain(f"the answer has no field '{name}'", 1)
    value = answer[name]
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    print(hashlib.sha256(text.encode()).hexdigest() if sha256 else text)
    return 0


def _complain(text: str, status: int) -> int:
    print(f"http-get: {text}", file=sys.stderr)
    return status
