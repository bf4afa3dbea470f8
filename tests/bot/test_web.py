"""The bot's web server: checkpoints from automation, and what it says about itself."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from bot.serve import _listening
from bot.settings import Settings, SettingsError
from bot.web import Web
from bot.web_records import MAX_EVIDENCE, MAX_RECORD_BYTES
from bot.wiring import Parts, assemble
from core.people import Account
from core.run import Actor

Client = TestClient[Any, Any]
PATH = "/api/v1/targets/prod-east/checkpoints"
TOKEN = {"Authorization": "Bearer a-long-secret"}


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    settings = Settings(
        config=Path("deploy/config"),
        data=tmp_path,
        api_tokens={"pipeline": SecretStr("a-long-secret"), "forgotten": SecretStr("")},
    )
    async with assemble(settings) as assembled:
        yield assembled


@pytest.fixture
async def client(parts: Parts) -> AsyncIterator[Client]:
    async with TestClient(TestServer(Web(parts, lambda: {"connected": True}).app)) as opened:
        yield opened


async def test_a_checkpoint_is_recorded_with_who_and_evidence(client: Client, parts: Parts) -> None:
    answer = await client.post(PATH, headers=TOKEN, json={"name": "compute-upgraded", "evidence": "job 17"})

    assert answer.status == 201
    assert [c["name"] for c in (await answer.json())["checkpoints"]] == ["compute-upgraded"]
    async with parts.store.look() as tx:
        (recorded,) = (await tx.ledger("prod-east")).checkpoints
    assert (recorded.by, recorded.evidence) == ("api:pipeline", "job 17")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": ""}, {"Authorization": "Bearer "}, {"Authorization": "Bearer a-long-secre"}],
    ids=["none", "empty", "bearer of nothing", "one letter short"],
)
async def test_without_a_right_token_nothing_is_recorded(client: Client, parts: Parts, headers: dict[str, str]) -> None:
    """A token that was configured empty opens nothing either."""
    answer = await client.post(PATH, headers=headers, json={"name": "compute-upgraded"})

    assert answer.status == 401
    assert "BELAY_API_TOKENS" in (await answer.json())["error"]
    async with parts.store.look() as tx:
        assert (await tx.ledger("prod-east")).checkpoints == ()


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        (PATH, "{", 422, "the body should be JSON"),
        (PATH, "[]", 422, "the body should be an object"),
        (PATH, "{}", 422, "'name' should be the checkpoint's name"),
        (PATH, '{"name": "a", "evidense": "x"}', 422, "unknown key 'evidense'"),
        (PATH, '{"name": "a; rm -rf /"}', 422, "letters, digits"),
        (PATH, '{"name": "a", "evidence": "' + "x" * (MAX_EVIDENCE + 1) + '"}', 422, "at most 2000 characters"),
        (PATH, '{"name": "a", "evidence": "' + "x" * MAX_RECORD_BYTES + '"}', 422, "are allowed"),
        ("/api/v1/targets/prod-esat/checkpoints", '{"name": "a"}', 404, "did you mean 'prod-east'?"),
    ],
)
async def test_bad_input_says_what_is_wrong(client: Client, path: str, body: str, status: int, says: str) -> None:
    answer = await client.post(path, headers=TOKEN, data=body)

    assert answer.status == status
    assert says in (await answer.json())["error"]


async def test_ready_means_that_it_could_do_its_work(client: Client, parts: Parts) -> None:
    assert (await client.get("/healthz")).status == 200
    assert (await client.get("/readyz")).status == 200
    await parts.store.close()
    unready = await client.get("/readyz")

    assert unready.status == 503
    assert (await unready.json())["problems"]


async def test_not_ready_while_chat_is_away(parts: Parts) -> None:
    async with TestClient(TestServer(Web(parts, lambda: {"connected": False}).app)) as client:
        answer = await client.get("/readyz")

        assert answer.status == 503
        assert (await answer.json())["problems"] == ["the chat service is not connected"]


async def test_metrics_are_numbers_a_scraper_reads(client: Client) -> None:
    text = await (await client.get("/metrics")).text()

    assert "belay_runs_active 0\n" in text
    assert all(line.startswith("#") or float(line.split()[1]) >= 0 for line in text.strip().splitlines())


HOPS = "/api/v1/targets/prod-east/hops"


async def test_a_chain_of_hops_is_recorded(client: Client, parts: Parts) -> None:
    by = parts.config.roster.people["ana"]
    actor = Actor(person=by, account=Account(id=by.accounts[0]), way="cli")
    await parts.service.begin_upgrade("prod-east", "newton", "queens", actor)
    said = [
        await client.post(HOPS, headers=TOKEN, json=body)
        for body in ({"from": "newton", "to": "ocata"}, {"to": "ocata", "done": True}, {"from": "ocata", "to": "pike"})
    ]

    assert [answer.status for answer in said] == [201, 201, 201]
    hops = (await said[-1].json())["hops"]
    assert [(hop["from"], hop["to"], hop["ended_at"] is not None) for hop in hops] == [
        ("newton", "ocata", True),
        ("ocata", "pike", False),
    ]
    async with parts.store.look() as tx:
        assert (await tx.ledger("prod-east")).hops[1].by == "api:pipeline"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('{"from": "newton", "to": "ocata"}', "no upgrade of 'prod-east' is recorded"),
        ('{"to": "ocata", "done": true}', "no hop of 'prod-east' is open"),
        ('{"to": "ocata", "done": "yes"}', "'done' should be true"),
        ('{"to": "ocata", "done": true, "from": "newton"}', "'from' is said when a hop begins"),
        ('{"from": "newton"}', "'to' should be one word"),
        ('{"from": "new ton", "to": "ocata"}', "'from' should be one word"),
        ('{"from": "newton", "to": "ocata", "snap": "x"}', "unknown key 'snap'"),
        ("[]", "should be an object like"),
    ],
)
async def test_a_hop_that_makes_no_sense_is_refused(client: Client, parts: Parts, body: str, says: str) -> None:
    answer = await client.post(HOPS, headers=TOKEN, data=body)

    assert answer.status == 422
    assert says in (await answer.json())["error"]
    async with parts.store.look() as tx:
        assert (await tx.ledger("prod-east")).hops == ()


async def test_a_hop_needs_a_token(client: Client) -> None:
    assert (await client.post(HOPS, json={"from": "newton", "to": "ocata"})).status == 401


async def test_what_goes_wrong_later_is_not_taken_for_a_port_in_use(tmp_path: Path) -> None:
    """A TimeoutError is an OSError too."""
    settings = Settings(data=tmp_path, config=tmp_path, listen_host="127.0.0.1", listen_port=0)

    async def serve() -> None:
        async with _listening(web.Application(), settings) as url:
            port = int(url.rpartition(":")[2])
            with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1:{port}"):
                await _listening(web.Application(), settings.model_copy(update={"listen_port": port})).__aenter__()
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await serve()
