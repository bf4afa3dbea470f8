"""The cluster's configuration as Pacemaker writes it (the CIB), and back. A constraint stays on its line."""

from __future__ import annotations

import re

from sandbox.systems.tools.machine import SaysNoError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from sandbox.systems.tools.state import Data

#: What a resource's kind is called in the CIB.
TAGS = {"bundle": "bundle", "primitive": "primitive", "clone": "clone", "remote": "primitive", "stonith": "primitive"}
#: What the state keeps of a resource beside its meta attributes, as attributes of its element.
KEPT = ("kind", "agent", "replicas", "role", "container", "image", "node")
_ID = re.compile(r'\bid="([^"]*)"')


def to_xml(cluster: Data) -> str:
    lines = [
        f'<cib epoch="{cluster["epoch"]}" num_updates="0" admin_epoch="0">',
        "  <configuration>",
        "    <crm_config>",
    ]
    lines += [
        f'      <nvpair id="cib-bootstrap-options-{name}" name="{name}" value="{value}"/>'
        for name, value in sorted(cluster["properties"].items())
    ]
    lines += ["    </crm_config>", "    <resources>"]
    for name, resource in cluster["resources"].items():
        lines += _resource(name, resource)
    lines += ["    </resources>", constraints(cluster, "    "), "  </configuration>", "  <status/>", "</cib>"]
    return "\n".join(lines) + "\n"


def constraints(cluster: Data, indent: str = "") -> str:
    inner = [f"{indent}  {element}" for element in cluster["constraints"]]
    return "\n".join([f"{indent}<constraints>", *inner, f"{indent}</constraints>"])


def _resource(name: str, resource: Data) -> list[str]:
    tag = TAGS[resource["kind"]]
    kept = " ".join(f'{key}="{resource[key]}"' for key in KEPT if key in resource)
    lines = [f'      <{tag} id="{name}" {kept}>', f'        <meta_attributes id="{name}-meta_attributes">']
    lines += [
        f'          <nvpair id="{name}-meta_attributes-{key}" name="{key}" value="{value}"/>'
        for key, value in sorted(resource["meta"].items())
    ]
    return [*lines, "        </meta_attributes>", f"      </{tag}>"]


def id_of(element: str) -> str:
    found = _ID.search(element)
    return found[1] if found else ""


def configuration(text: str) -> Data:
    """
    Return properties, resources and constraints of a CIB that was saved as a file; its epoch too.

    Raises:
        SaysNoError: it is no CIB.
    """
    root = _parsed(text)
    config = root.find("configuration")
    if root.tag != "cib" or config is None:
        raise SaysNoError("Error: unable to parse new cib: no configuration in it")
    resources = {}
    for each in config.find("resources") or ():
        about: Data = {key: value for key, value in each.attrib.items() if key in KEPT}
        if "replicas" in about:
            about["replicas"] = int(about["replicas"])
        about["meta"] = {pair.get("name", ""): pair.get("value", "") for pair in each.iter("nvpair")}
        resources[each.get("id", "")] = about
    lines = text.partition("<constraints>")[2].partition("</constraints>")[0].splitlines()
    return {
        "properties": {p.get("name", ""): p.get("value", "") for p in config.find("crm_config") or ()},
        "resources": resources,
        "constraints": [line.strip() for line in lines if line.strip()],
        "epoch": int(root.get("epoch", "0")),
    }


def element(text: str) -> str:
    """
    Return one element as it is kept.

    Raises:
        SaysNoError: it is none.
    """
    if not _parsed(text).get("id"):
        raise SaysNoError("cibadmin: Could not parse the XML: an id is missing", 65)
    return text.strip()


def _parsed(text: str) -> Element:
    from xml.etree import ElementTree as ET  # noqa: PLC0415  # slow to load, and few calls need it

    try:
        return ET.fromstring(text)
    except ET.ParseError as error:
        raise SaysNoError(f"Error: unable to parse new cib: {error}") from None
