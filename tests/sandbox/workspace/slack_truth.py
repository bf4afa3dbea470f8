"""Slack's own definitions: what a payload, an argument list, an answer and an error may be."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

Json = dict[str, Any]
SAMPLES = Path(__file__).parents[2] / "slack_samples"

#: Errors every method may give (Slack's general list).
COMMON_ERRORS = frozenset(
    {
        "account_inactive",
        "fatal_error",
        "internal_error",
        "invalid_arguments",
        "invalid_auth",
        "invalid_json",
        "json_not_object",
        "missing_scope",
        "not_allowed_token_type",
        "not_authed",
        "ratelimited",
        "unknown_method",
    }
)


def read(path: str) -> Any:
    return json.loads((SAMPLES / path).read_text(encoding="utf-8"))


@cache
def schema() -> Json:
    loaded: Json = read("slack-official-types.schema.json")
    return loaded


def check_type(name: str, value: Any) -> None:
    """Fails unless *value* is what Slack's TypeScript packages call *name*."""
    rule = {"$ref": f"#/definitions/{name}", "definitions": schema()["definitions"]}
    problems = [f"{list(each.absolute_path)}: {each.message}" for each in Draft7Validator(rule).iter_errors(value)]
    assert not problems, problems


def without_nulls(value: Any) -> Any:
    """For answers: the types leave fields out where the real ones carry null."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


@cache
def method(name: str) -> Json | None:
    path = SAMPLES / "methods" / f"{name}.json"
    return read(f"methods/{name}.json") if path.exists() else None


def check_answer(name: str, answer: Json) -> None:
    """Fails unless the answer has what the definition promises, or an error it lists."""
    definition = method(name)
    if definition is None:
        return
    if answer["ok"]:
        promised = (definition.get("output") or {}).get("required") or []
        assert set(promised) <= answer.keys(), f"{name} should answer {promised}"
    else:
        assert answer["error"] in COMMON_ERRORS | set(definition["errors"]), f"{name}: {answer['error']}"


def unknown_keys(value: Any, known: Any, at: str = "") -> list[str]:
    """Keys of *value* that never appear in *known*, a union recorded from the real Slack."""
    if isinstance(value, list):
        return [each for item in value for each in unknown_keys(item, known[0] if known else None, at)]
    if not isinstance(value, dict) or not isinstance(known, dict) or not known:
        return []
    found = [f"{at}/{key}" for key in value if key not in known]
    for key, each in value.items():
        if key in known:
            found += unknown_keys(each, known[key], f"{at}/{key}")
    return found


#: Envelope name -> (definition of the types, recording of keys)
_EVENTS = {
    "reaction_added": ("RA", "events/ReactionAddedPayload.json"),
    "reaction_removed": ("RR", "events/ReactionRemovedPayload.json"),
    "app_home_opened": ("Home", "events/AppHomeOpenedPayload.json"),
    "member_joined_channel": ("Joined", "events/MemberJoinedChannelPayload.json"),
    "channel_archive": (None, "events/ChannelArchivePayload.json"),
    "subteam_members_changed": (None, "events/SubteamMembersChangedPayload.json"),
}
_INTERACTIONS = {
    "block_actions": ("Act", "app-backend/BlockActionPayload.no-blocks.json"),
    "view_submission": ("ViewSub", "app-backend/ViewSubmissionPayload.json"),
    "view_closed": ("ViewClose", "app-backend/ViewClosedPayload.json"),
}
#: In newer recordings, and in the types (`response_urls`), but not in that union of keys.
_NEWER = {"/context_team_id", "/context_enterprise_id", "/response_urls"}


def check_envelope(kind: str, payload: Json) -> None:
    """Fails unless an envelope's payload is one Slack could have sent."""
    if kind == "slash_commands":
        check_type("Cmd", payload)
        known = read("java-json-logs/app-backend/SlashCommandPayload.json")
        assert not unknown_keys(payload, known)
        assert all(isinstance(value, str) for value in payload.values())
        return
    if kind == "events_api":
        name, recording = _EVENTS[payload["event"]["type"]]
        if name:
            check_type(name, payload["event"])
    else:
        name, recording = _INTERACTIONS[payload["type"]]
        # The types want an object where real payloads carry null, and miss that a click in a view has no URL.
        typed = {key: value for key, value in payload.items() if not (key == "enterprise" and value is None)}
        in_view = payload["type"] == "block_actions" and "view" in payload
        if not in_view and payload.get("actions", [{}])[0].get("type", "button") == "button":
            check_type(str(name), typed)
    strange = unknown_keys(_without_content(payload), read(f"java-json-logs/{recording}"))
    assert set(strange) <= _NEWER, strange


#: What the app itself wrote, which the recordings have cut out.
_CONTENT = ("blocks", "state", "reactions")


def _without_content(payload: Json) -> Json:
    """The payload with the app's own blocks left out of its message and views."""

    def cut(part: Json) -> Json:
        return {key: value for key, value in part.items() if key not in _CONTENT}

    changed: Json = {name: cut(payload[name]) for name in ("message", "view") if name in payload}
    if "view" in payload.get("event", {}):
        changed["event"] = {**payload["event"], "view": cut(payload["event"]["view"])}
    return {**payload, **changed}
