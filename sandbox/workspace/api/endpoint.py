"""POST or GET /api/METHOD: reads the arguments in every style, checks token, scope and arguments, then runs."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.workspace.api import METHODS
from sandbox.workspace.api.method import Json, Method, Token
from sandbox.workspace.api.rates import Rates
from sandbox.workspace.errors import ApiError
from sandbox.workspace.faults import Kind, MethodFault
from sandbox.workspace.hub import Hub


class Endpoint:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._rates = Rates(hub.world)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        args, problem = await read_arguments(request)
        entry = self._hub.journal.add("api", name, args=_without_token(args), state="running")
        started = time.perf_counter()
        fault = self._hub.faults.take(name)
        response, body = self._answer(name, args, request, fault, problem)
        self._hub.journal.amend(
            entry,
            state="done",
            ok=bool(body.get("ok")),
            error=body.get("error", ""),
            status=response.status,
            fault=fault.kind if fault else "",
            ms=round((time.perf_counter() - started) * 1000, 1),
        )
        if fault is not None and fault.kind in (Kind.LOSE_ANSWER, Kind.HANG):
            await _withhold(request, fault)
        return response

    def _answer(
        self, name: str, args: Json, request: web.Request, fault: MethodFault | None, problem: str
    ) -> tuple[web.Response, Json]:
        limit_s = self._rates.wait_s(METHODS.get(name), args, self._hub.now())
        if fault is not None and fault.kind is Kind.RATE_LIMITED:
            limit_s = fault.seconds
        if limit_s:
            body: Json = {"ok": False, "error": "ratelimited"}
            headers = {"Retry-After": str(max(1, round(limit_s + 0.49)))}
            return web.json_response(body, status=429, headers=headers), body
        if fault is not None and fault.kind is Kind.SERVER_ERROR:
            return web.Response(status=503, text="upstream unavailable"), {"ok": False, "error": "503"}
        try:
            if fault is not None and fault.kind is Kind.REFUSE:
                problem = fault.error
            body = {"ok": True, **self._run(name, args, request, problem)}
        except ApiError as error:
            body = {"ok": False, "error": error.code, **error.extra}
        return web.json_response(body, headers=self._headers(name)), body

    def _run(self, name: str, args: Json, request: web.Request, problem: str) -> Json:
        if problem:
            raise ApiError(problem)
        method = METHODS.get(name)
        if method is None:
            raise ApiError("unknown_method", req_method=name)
        self._check_token(method, _token(args, request))
        self._check_scope(method)
        missing = [each for each in method.required if args.get(each) in (None, "")]
        if missing:
            lines = [f"[ERROR] missing required field: {each}" for each in missing]
            raise ApiError("invalid_arguments", response_metadata={"messages": lines})
        return method.run(self._hub, args)

    def _check_token(self, method: Method, token: str) -> None:
        if method.token is Token.NONE:
            return
        if not token:
            raise ApiError("not_authed")
        if token not in (self._hub.bot_token, self._hub.app_token):
            raise ApiError("invalid_auth")
        right = self._hub.app_token if method.token is Token.APP else self._hub.bot_token
        if token != right:
            raise ApiError("invalid_auth" if method.token is Token.APP else "not_allowed_token_type")

    def _check_scope(self, method: Method) -> None:
        granted = self._hub.world.app.scopes
        if method.scopes and not set(method.scopes) & set(granted):
            raise ApiError("missing_scope", needed=method.scopes[0], provided=",".join(granted))

    def _headers(self, name: str) -> dict[str, str]:
        method = METHODS.get(name)
        if method is None or method.token is not Token.BOT:
            return {}
        headers = {"x-oauth-scopes": ",".join(self._hub.world.app.scopes)}
        return headers | ({"x-accepted-oauth-scopes": ",".join(method.scopes)} if method.scopes else {})


async def read_arguments(request: web.Request) -> tuple[Json, str]:
    """All arguments, from the query, a form and a JSON body; and an error code if the body is unreadable."""
    args: Json = dict(request.query)
    if request.method != "POST" or not request.can_read_body:
        return args, ""
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text())
        except ValueError:
            return args, "invalid_json"
        if not isinstance(body, dict):
            return args, "json_not_object"
        return args | body, ""
    form = await request.post()
    return args | {key: value for key, value in form.items() if isinstance(value, str)}, ""


def _token(args: Json, request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else str(args.get("token") or "")


def _without_token(args: Mapping[str, Any]) -> Json:
    return {key: value for key, value in args.items() if key != "token"}


async def _withhold(request: web.Request, fault: MethodFault) -> None:
    """The work is done, the answer never arrives."""
    if fault.kind is Kind.HANG:
        await asyncio.sleep(fault.seconds)
    if request.transport is not None:
        request.transport.abort()
