"""Delivery over HTTP to a request URL, signed as Slack signs."""

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from sandbox.workspace.courier import Ack, Delivery, in_time
from sandbox.workspace.timing import Timing

Json = dict[str, Any]


def signature_headers(secret: str, body: bytes, *, at_s: int | None = None) -> dict[str, str]:
    """X-Slack-Signature and X-Slack-Request-Timestamp for *body*; *at_s* in epoch seconds, now if None."""
    stamp = str(int(time.time()) if at_s is None else at_s)
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def encode(delivery: Delivery) -> tuple[str, bytes]:
    """Content type and body: JSON for events, a form for the rest."""
    if delivery.kind == "events_api":
        return "application/json", json.dumps(delivery.payload).encode()
    fields = delivery.payload if delivery.kind == "slash_commands" else {"payload": json.dumps(delivery.payload)}
    return "application/x-www-form-urlencoded", urlencode(fields).encode()


class SignedHttp:
    """The `Transport` of HTTP mode."""

    def __init__(self, url: str, secret: str, timing: Timing) -> None:
        self.url = url
        self._secret = secret
        self._timing = timing
        # trust_env stays off: a proxy of the environment must not see loopback calls
        self._session = ClientSession(timeout=ClientTimeout(total=None))

    async def stop(self) -> None:
        await self._session.close()

    async def verify(self) -> bool:
        """The handshake when a request URL is saved: the app must give the challenge back."""
        challenge = hashlib.sha256(self.url.encode()).hexdigest()[:32]
        body = json.dumps({"type": "url_verification", "token": "", "challenge": challenge}).encode()
        headers = {"Content-Type": "application/json", **signature_headers(self._secret, body)}
        async with self._session.post(self.url, data=body, headers=headers) as response:
            text = await response.text()
        return response.status == 200 and challenge in text

    async def send(self, delivery: Delivery) -> Ack:
        content_type, body = encode(delivery)
        headers = {"Content-Type": content_type, **signature_headers(self._secret, body)}
        if delivery.attempt:
            headers |= {"X-Slack-Retry-Num": str(delivery.attempt), "X-Slack-Retry-Reason": delivery.reason}

        async def post() -> Ack:
            async with self._session.post(self.url, data=body, headers=headers) as response:
                return await _read(response)

        try:
            ack = await in_time(post, self._timing.ack_s)
        except ClientError:
            return Ack(problem="dispatch_failed", reason="connection_failed")
        if ack.problem == "operation_timeout":
            return Ack(problem=ack.problem, reason="http_timeout")
        return ack


async def _read(response: ClientResponse) -> Ack:
    if not 200 <= response.status < 300:
        stop = response.headers.get("X-Slack-No-Retry") == "1"
        return Ack(problem="dispatch_failed", reason="http_error", may_retry=not stop)
    text = await response.text()
    if not text:
        return Ack()
    if response.content_type == "application/json":
        return Ack(payload=json.loads(text))
    return Ack(payload={"text": text})
