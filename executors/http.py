"""
The executor `http`: one request an action, for load balancers, feature flags and deploy services.

`argv` is `[METHOD, URL]` or `[METHOD, URL, BODY]`; a URL that begins with "/" is taken below the host's address.
A 2xx answer is exit code 0, others are 3, 4 or 5 after their first digit.

HTTP knows no run-once: a `do` carries an `Idempotency-Key`, which helps where the service honours it. A request
that may have arrived and whose answer was not seen is `OutcomeLostError`, and after a restart of the bot `attach`
can only say `Lost`: the step's probe, or a person, has to tell.
"""

import asyncio
import math
import ssl
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

import aiohttp

from core.action import CALL_LIVES_S, PERMIT_HOLDS_S, Action, Ended, Lost, NeverRan, Permit, Sink, Verdict
from core.errors import AccessDeniedError, NotStartedError, OutcomeLostError, PlanError, UnreachableError
from core.target import Host
from executors.progress import STDOUT_BYTES, Progress

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
#: A gateway says these of a service it lost sight of: the service may have acted all the same.
_GATEWAY_LOST: Final = (502, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    connect_timeout_s: float = 10.0
    headers: tuple[tuple[str, str], ...] = ()  #: sent with every request, for example Authorization
    secrets: tuple[str, ...] = ()  #: masked wherever they appear in answers
    call_lives_s: float = CALL_LIVES_S
    ca_file: str | None = None  #: None: the system's authorities


class HttpExecutor:
    """One for the whole bot. See `core.action.Executor`."""

    def __init__(self, settings: HttpSettings | None = None) -> None:
        self._settings = settings or HttpSettings()
        self._session: aiohttp.ClientSession | None = None
        #: Every key this process knows of: under way, answered, lost or spent.
        self._known: dict[tuple[str, str, str], asyncio.Future[Verdict]] = {}

    async def run(self, action: Action, host: Host, sink: Sink, permit: Permit) -> Verdict:
        """
        Send the request, or wait for the answer to the one that was sent before.

        The life of a call ends here, at its sender: a service has no clock to ask. It is looked at when the connection
        stands; a process that freezes right after that sends whenever it wakes.

        Raises:
            PlanError: it is no request; nothing was sent.
            UnreachableError, AccessDeniedError: nothing was sent.
            OutcomeLostError: it may have arrived, its answer was not seen.
        """
        asked_s = await _permitted(permit)
        key = _id(action, host)
        sent = self._known.get(key)
        if sent is None:
            until_s = asked_s + self._settings.call_lives_s
            sent = self._known[key] = asyncio.ensure_future(self._send(action, host, until_s=until_s))
        try:
            verdict = await asyncio.shield(sent)  # who stops waiting does not take the request back
        except (NotStartedError, PlanError):
            self._known.pop(key, None)
            raise
        if isinstance(verdict, Ended):
            sink(verdict.output.text)
        return verdict

    async def attach(self, action: Action, host: Host, sink: Sink) -> Verdict:
        """
        Of what this process knows nothing of, another one may still send: its time is waited out first.

        Raises:
            OutcomeLostError: never; an answer that was not seen is `Lost` here.
        """
        key = _id(action, host)
        if key not in self._known:
            await asyncio.sleep(self._settings.call_lives_s + self._settings.connect_timeout_s)
        sent = self._known.get(key)
        if sent is None:
            sent = self._known[key] = asyncio.get_running_loop().create_future()
            sent.set_result(Lost(reason=f"{_where(action, host)}: whether it was sent is not known, HTTP cannot tell"))
        try:
            verdict = await asyncio.shield(sent)
        except NotStartedError as error:
            spent: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
            spent.set_result(NeverRan(reason=f"{_where(action, host)} was not sent: {error}"))
            self._known[key] = spent
            return spent.result()
        except OutcomeLostError as error:
            return Lost(reason=str(error))
        if isinstance(verdict, Ended):
            sink(verdict.output.text)
        return verdict

    async def stop(self, action: Action, host: Host) -> Verdict:
        """
        Raises:
            OutcomeLostError: it is under way; a request cannot be called back.
        """
        sent = self._known.get(_id(action, host))
        if sent and not sent.done():
            raise OutcomeLostError(f"{_where(action, host)} is under way, and HTTP cannot call it back; attach")
        return await self.attach(action, host, lambda _: None)

    async def look(self, action: Action, host: Host) -> Ended:
        """
        Raises:
            PlanError: it is no request that only looks.
            UnreachableError, AccessDeniedError: the service cannot be asked.
            OutcomeLostError: no answer in time; that is no answer.
        """
        if action.argv and action.argv[0] not in ("GET", "HEAD"):
            raise PlanError(f"{action.unit}/{action.verb}", f"should look with GET or HEAD, not {action.argv[0]}")
        return await self._send(action, host)

    async def close(self) -> None:
        for sent in self._known.values():
            sent.cancel()
        if self._session:
            await self._session.close()

    async def _send(self, action: Action, host: Host, *, until_s: float = math.inf) -> Ended:
        """Send it, if the connection stands by *until_s* of `_now_s`."""
        method, url, body = _request(action, host)
        headers = dict(self._settings.headers)
        if not action.verb.only_looks:
            headers["Idempotency-Key"] = f"{action.run_id}/{action.key}"
        if body[:1] in (b"{", b"["):
            headers["Content-Type"] = "application/json"
        began = time.monotonic()
        try:
            async with (
                asyncio.timeout(action.timeout_s),
                self._client().request(
                    method, url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=until_s
                ) as answer,
            ):
                return await self._read(action, host, answer, began)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError) as error:
            raise AccessDeniedError(f"{url} could not prove who it is ({error}); nothing was sent") from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise UnreachableError(f"cannot reach {url}: {error}; nothing was sent") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = str(error) or f"no whole answer within {action.timeout_s:g} s"
            raise OutcomeLostError(f"lost {_where(action, host)} after it was sent to {url}: {why}") from error

    async def _read(self, action: Action, host: Host, answer: aiohttp.ClientResponse, began: float) -> Ended:
        if answer.status in _GATEWAY_LOST and not action.verb.only_looks:
            raise OutcomeLostError(
                f"lost {_where(action, host)}: the gateway answered {answer.status}, the service may have acted"
            )
        progress = Progress(self._settings.secrets)
        head = progress.take(f"HTTP {answer.status} {answer.reason}\n".encode())
        body = ""
        async for chunk in answer.content.iter_chunked(65_536):
            shown = progress.take(chunk)
            body += shown[: STDOUT_BYTES - len(body)]
        rest, output = progress.finish()
        return Ended(
            exit_code=0 if answer.status // 100 == 2 else answer.status // 100,
            output=output,
            stdout=(body + rest)[:STDOUT_BYTES] if head else "",
            duration_s=time.monotonic() - began,
        )

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = ssl.create_default_context(cafile=self._settings.ca_file)
            # A kept connection may turn out closed after the request went out; a new one cannot.
            connector = aiohttp.TCPConnector(ssl=context, force_close=True)
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._settings.connect_timeout_s)
            tracing = aiohttp.TraceConfig()
            tracing.on_connection_create_end.append(_still_counts)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, trace_configs=[tracing])
        return self._session


def _now_s() -> float:
    """Seconds since the boot, those of a machine that was suspended among them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def _permitted(permit: Permit) -> float:
    """Ask until the answer came promptly; return when it was asked."""
    while True:
        asked_s = _now_s()
        await permit()
        if _now_s() - asked_s < PERMIT_HOLDS_S:
            return asked_s


async def _still_counts(_session: aiohttp.ClientSession, context: SimpleNamespace, _what: object) -> None:
    """
    The connection stands, and nothing was sent on it.

    Raises:
        UnreachableError: it took too long, and others may have gone on meanwhile.
    """
    if _now_s() > context.trace_request_ctx:
        raise UnreachableError(
            "what was to be sent counts no more: this machine stood still meanwhile; nothing was sent"
        )


def _request(action: Action, host: Host) -> tuple[str, str, bytes]:
    where = f"{action.unit}/{action.verb}"
    match action.argv:
        case (method, url, *body) if method in METHODS and len(body) <= 1:
            pass
        case _:
            raise PlanError(where, f"should be [METHOD, URL] or [METHOD, URL, BODY], METHOD one of {METHODS}")
    if url.startswith("/"):
        base = host.address if "://" in host.address else f"http://{host.address}"
        port = f":{host.port}" if host.port else ""
        url = f"{base.rstrip('/')}{port}{url}"
    if not url.startswith(("http://", "https://")):
        raise PlanError(where, f"URL {url!r} should begin with '/', 'http://' or 'https://'")
    return method, url, "".join(body).encode()


def _where(action: Action, host: Host) -> str:
    return f"'{action.unit}' ({action.verb}) on '{host.name}'"


def _id(action: Action, host: Host) -> tuple[str, str, str]:
    return host.identity, action.run_id, action.key
