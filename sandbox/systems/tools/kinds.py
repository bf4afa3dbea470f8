"""The kinds of objects every API server of the practice world knows."""

from __future__ import annotations

#: Built-in kinds: plural -> group, kind, short names, whether it lives in a namespace. Systems add their own.
KINDS: dict[str, tuple[str, str, tuple[str, ...], bool]] = {
    "configmaps": ("", "ConfigMap", ("cm",), True),
    "customresourcedefinitions": ("apiextensions.k8s.io", "CustomResourceDefinition", ("crd", "crds"), False),
    "deployments": ("apps", "Deployment", ("deploy",), True),
    "jobs": ("batch", "Job", (), True),
    "namespaces": ("", "Namespace", ("ns",), False),
    "nodes": ("", "Node", ("no",), False),
    "persistentvolumeclaims": ("", "PersistentVolumeClaim", ("pvc",), True),
    "pods": ("", "Pod", ("po",), True),
    "secrets": ("", "Secret", (), True),
    "services": ("", "Service", ("svc",), True),
    "statefulsets": ("apps", "StatefulSet", ("sts",), True),
}


class Kind:
    def __init__(self, plural: str, group: str, kind: str, namespaced: bool) -> None:
        self.plural, self.group, self.kind, self.namespaced = plural, group, kind, namespaced
        self.resource = f"{plural}.{group}" if group else plural  #: as in errors
        self.singular = f"{kind.lower()}.{group}" if group else kind.lower()  #: as in "x/y patched"
