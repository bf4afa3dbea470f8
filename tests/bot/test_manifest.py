"""
The app manifests: valid for Slack, and asking for exactly what Belay uses.

slack_manifest.schema.json is Slack's own (github.com/slackapi/manifest-schema, version 2.0.0, MIT, Copyright Slack
Technologies, LLC).
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validators

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
METHODS = ROOT / "tests" / "slack_samples" / "methods"
BOTH = ("slack-manifest.json", "slack-manifest-http.json")


def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "deploy" / name).read_text())
    return found


def called() -> set[str]:
    """Every method of the Web API that the code calls, as Slack names it."""
    known = {path.stem for path in METHODS.glob("*.json")}
    source = "".join(path.read_text() for path in (ROOT / "bot").glob("slack*.py"))
    as_written = {re.sub(r"[.]", "_", name): name for name in known}
    used = {as_written[word] for word in re.findall(r"client\.([A-Za-z_]+)", source) if word in as_written}
    return used | {"files.getUploadURLExternal", "files.completeUploadExternal"}


@pytest.mark.parametrize("name", BOTH)
def test_a_manifest_is_valid_for_slack(name: str) -> None:
    schema = json.loads((HERE / "slack_manifest.schema.json").read_text())
    validators.validator_for(schema)(schema).validate(manifest(name))


@pytest.mark.parametrize("name", BOTH)
def test_it_asks_for_every_scope_that_is_used_and_for_no_other(name: str) -> None:
    scopes = manifest(name)["oauth_config"]["scopes"]
    used = called()
    needed = {
        method: set(json.loads((METHODS / f"{method}.json").read_text())["scope"].get("bot", ())) for method in used
    }

    assert {"chat.update", "reactions.get", "users.info", "views.open"} <= used
    asked = set(scopes["bot"]) | set(scopes["bot_optional"])
    unmet = {method: wanted for method, wanted in needed.items() if wanted and not wanted & asked}
    assert unmet == {}
    for scope in asked - {"commands"}:
        assert any(scope in wanted for wanted in needed.values()), f"{scope} is asked for and not used"


@pytest.mark.parametrize("name", BOTH)
def test_what_is_optional_is_only_needed_to_look_for_lost_answers(name: str) -> None:
    optional = set(manifest(name)["oauth_config"]["scopes"]["bot_optional"])
    history = {"conversations.history", "conversations.replies"}

    for method in called() - history:
        wanted = set(json.loads((METHODS / f"{method}.json").read_text())["scope"].get("bot", ()))
        assert not wanted or wanted - optional


@pytest.mark.parametrize("name", BOTH)
def test_every_event_it_subscribes_to_is_handled(name: str) -> None:
    source = (ROOT / "bot" / "slack.py").read_text()

    for event in manifest(name)["settings"]["event_subscriptions"]["bot_events"]:
        assert f'"{event}"' in source


def test_the_two_differ_in_the_way_in_alone() -> None:
    socket, http = (manifest(name) for name in BOTH)

    assert socket["settings"]["socket_mode_enabled"] is True
    assert http["settings"]["socket_mode_enabled"] is False
    assert "url" not in json.dumps(socket)
    for where in (http["settings"]["event_subscriptions"], http["settings"]["interactivity"]):
        assert where.pop("request_url").endswith("/slack/events")
    assert http["features"]["slash_commands"][0].pop("url").endswith("/slack/events")
    http["settings"]["socket_mode_enabled"] = True
    assert http == socket
