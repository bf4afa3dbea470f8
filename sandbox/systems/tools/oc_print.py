"""How `oc get` shows objects: a table, -o json, name, jsonpath=…, custom-columns=…; and what `oc wait` looks for."""

from __future__ import annotations

import json
import sys
import time

from sandbox.systems.tools.kube import settled
from sandbox.systems.tools.machine import SaysNoError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.kinds import Kind
    from sandbox.systems.tools.state import Data
    from sandbox.systems.tools.words import Words

    Found = list[tuple[Kind, list[Data]]]

#: Columns of a table between NAME and AGE: title -> path. A kind nobody has columns for has none.
COLUMNS: dict[str, dict[str, str]] = {
    "controlplanecomponents": {
        "VERSION": ".status.version",
        "AVAILABLE": '.status.conditions[?(@.type=="Available")].status',
        "ROLLOUTCOMPLETE": '.status.conditions[?(@.type=="RolloutComplete")].status',
    },
    "hostedclusters": {
        "VERSION": '.status.version.history[?(@.state=="Completed")].version',
        "KUBECONFIG": ".status.kubeconfig.name",
        "PROGRESS": ".status.version.history[0].state",
        "AVAILABLE": '.status.conditions[?(@.type=="Available")].status',
        "PROGRESSING": '.status.conditions[?(@.type=="Progressing")].status',
    },
    "jobs": {"STATUS": ".status.conditions[0].type"},
    "nodes": {"STATUS": '.status.conditions[?(@.type=="Ready")].status', "VERSION": ".status.nodeInfo.kubeletVersion"},
    "persistentvolumeclaims": {"STATUS": ".status.phase", "VOLUME": ".spec.volumeName"},
    "pods": {"READY": ".status.ready", "STATUS": ".status.phase"},
}
_FORMATS = "[custom-columns jsonpath json name wide]"


def show(words: Words, found: Found, namespace: str | None) -> int:
    """
    Print what was found.

    Raises:
        SaysNoError: the output format is none, or its template cannot be used.
    """
    output = words.one("-o", "--output")
    shape, _, template = output.partition("=")
    match shape:
        case "json":
            print(json.dumps(_as_data(words, found), indent=4))
        case "name":
            for kind, objects in found:
                for one in objects:
                    print(f"{kind.singular}/{one['metadata']['name']}")
        case "jsonpath":
            sys.stdout.write(_rendered(template, _as_data(words, found)))
        case "custom-columns":
            titles = [column.partition(":")[::2] for column in template.split(",")]
            _table(words, [(t, p) for t, p in titles], [settled(one) for _, objects in found for one in objects])
        case "" | "wide":
            _tables(words, found, namespace)
        case _:
            raise SaysNoError(
                f'error: unable to match a printer suitable for the output format "{shape}", allowed formats are: '
                f"{_FORMATS}"
            )
    return 0


def _as_data(words: Words, found: Found) -> Data:
    """One object that was named stands for itself; everything else is a list."""
    objects = [settled(one) for _, mine in found for one in mine]
    named = words.rest[1:]
    if len(objects) == 1 and ((len(named) == 2 and "/" not in named[0]) or (len(named) == 1 and "/" in named[0])):
        single: Data = objects[0]
        return single
    return {"apiVersion": "v1", "items": objects, "kind": "List", "metadata": {"resourceVersion": ""}}


def _rendered(template: str, data: Data) -> str:
    from sandbox.systems.tools.jsonpath import PathError, render  # noqa: PLC0415  # slow to load

    try:
        return render(template, data)
    except PathError as error:
        raise SaysNoError(
            f'error: error executing jsonpath "{template}": Error executing template: {error}. Printing more '
            f"information for debugging the template:\n\ttemplate was:\n\t\t{template}"
        ) from None


def meets(one: Data, wanted: str) -> bool:
    """Return whether *one* is what `oc wait --for` waits for: condition=TYPE[=STATUS] or jsonpath='{…}'=VALUE."""
    kind, _, rest = wanted.partition("=")
    now = settled(one)
    if kind == "condition":
        name, _, status = rest.partition("=")
        conditions = now.get("status", {}).get("conditions", [])
        return any(c["type"].lower() == name.lower() and c["status"] == (status or "True") for c in conditions)
    if kind == "jsonpath":
        from sandbox.systems.tools.jsonpath import render  # noqa: PLC0415  # slow to load

        template, equals, value = rest.rpartition("=")
        said = render(template.strip("'") if equals else rest.strip("'"), now)
        return said == value if equals else bool(said)
    raise SaysNoError(f'error: unrecognized condition: "{wanted}"')


def _tables(words: Words, found: Found, namespace: str | None) -> None:
    if not any(objects for _, objects in found):
        # With --ignore-not-found nothing is said at all: silence that must not be read as an answer.
        if not words.has("--ignore-not-found"):
            print(
                f"No resources found in {namespace} namespace." if namespace else "No resources found", file=sys.stderr
            )
        return
    first = True
    for kind, objects in found:
        if not objects:
            continue
        if not first:
            print()
        first = False
        prefix = f"{kind.singular}/" if len(found) > 1 else ""
        columns = [("NAME", ".metadata.name"), *COLUMNS.get(kind.plural, {}).items(), ("AGE", "")]
        if namespace is None and kind.namespaced:
            columns.insert(0, ("NAMESPACE", ".metadata.namespace"))
        _table(words, columns, [settled(one) for one in objects], prefix=prefix, missing="")


def _table(
    words: Words, columns: list[tuple[str, str]], objects: list[Data], *, prefix: str = "", missing: str = "<none>"
) -> None:
    lines = [] if words.has("--no-headers") else [[title for title, _ in columns]]
    for one in objects:
        row = [_cell(one, path) or missing for _, path in columns]
        row[[title for title, _ in columns].index("NAME") if prefix else 0] = prefix + row[0] if prefix else row[0]
        lines.append(row)
    widths = [max((len(line[place]) for line in lines), default=0) for place in range(len(columns))]
    for line in lines:
        print("   ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip())


def _cell(one: Data, path: str) -> str:
    from sandbox.systems.tools.jsonpath import PathError, find  # noqa: PLC0415  # slow to load

    if not path:
        made = time.strptime(one["metadata"].get("creationTimestamp", "1970-01-01T00:00:00Z"), "%Y-%m-%dT%H:%M:%SZ")
        minutes = max(0, int(time.time() - (time.mktime(made) - time.timezone)) // 60)
        return f"{minutes}m" if minutes < 180 else f"{minutes // 60}h"
    try:
        found = find(path, one, one)
    except PathError:
        return ""
    return ",".join(each if isinstance(each, str) else json.dumps(each) for each in found[:1])
