"""`oc`: what it prints, its exit statuses, what lasts, and how things fail."""

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.systems.tools.jsonpath import PathError, render
from sandbox.systems.tools.kube import Server, merged
from sandbox.systems.tools.kubeconfig import kubeconfig, state_name
from sandbox.systems.tools.machine import Machine
from sandbox.systems.tools.state import later
from tests.sandbox.systems.rack import Rack, Said

ADDRESS = "api.mgmt.example.net:6443"
WIDGETS = {"widgets": ("acme.example.com", "Widget", ("wd",), True)}


@dataclass(frozen=True, slots=True)
class Bench:
    """A host with `oc`, and the API server it talks to."""

    rack: Rack
    machine: Machine

    @property
    def server(self) -> Server:
        return Server(ADDRESS, self.machine.shared(state_name(ADDRESS)))

    def oc(self, words: str, *, stdin: str = "", user: str = "admin") -> Said:
        return self.rack.ask("bastion", f"KUBECONFIG={self.rack.directory}/{user} oc {words}", stdin=stdin)


@pytest.fixture
def bench(rack: Rack) -> Bench:
    (machine,) = rack.add("bastion")
    for user in ("admin", "viewer"):
        text = kubeconfig(ADDRESS, context="mgmt", user=user, namespace="blue")
        (rack.directory / user).write_text(text)
    found = Bench(rack, machine)
    state = machine.shared(state_name(ADDRESS))
    state.write({"kinds": WIDGETS, "viewers": ["viewer"], "objects": {}})
    with found.server.writing() as store:
        for name, colour in (("a", "red"), ("b", "green")):
            parts = {
                "spec": {"size": 1, "colour": colour},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            }
            store.put(
                "widgets", name, "blue", metadata={"labels": {"colour": colour}, "annotations": {"x.y/z": "1"}}, **parts
            )
        store.put("widgets", "c", "green", spec={"size": 3})
        store.put("pods", "etcd-0", "blue", spec={"containers": [{"name": "etcd"}]}, status={"phase": "Running"})
        store.put("pods", "done", "blue", status={"phase": "Succeeded"})
    return found


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        ("get widgets -o name", 0, "widget.acme.example.com/a\nwidget.acme.example.com/b\n", ""),
        ("get wd -n green -o name", 0, "widget.acme.example.com/c\n", ""),
        ("get wd -A --no-headers", 0, "green   c   0m\n", ""),
        ("get widget a -o jsonpath='{.spec.colour}'", 0, "red", ""),
        ("get widget/a -o jsonpath='{.metadata.annotations.x\\.y/z}'", 0, "1", ""),
        ("get wd -l colour=green -o name", 0, "widget.acme.example.com/b\n", ""),
        ("get wd -l 'colour in (red,green),!old' -o name", 0, "widget.acme.example.com/a\n", ""),
        ("get wd -l colour!=red -o jsonpath='{.items[*].metadata.name}'", 0, "b", ""),
        ("get wd --field-selector metadata.name=b -o name", 0, "widget.acme.example.com/b\n", ""),
        ("get widgets a,b -n blue", 1, "", 'Error from server (NotFound): widgets.acme.example.com "a,b" not found'),
        ("get widgets -n nowhere", 0, "", "No resources found in nowhere namespace."),
        ("get widgets -l colour=blue -o jsonpath='{.items[0].metadata.name}'", 1, "", "array index out of bounds"),
        ("get widgets -l colour=blue -o jsonpath='{.items[*].metadata.name}'", 0, "", ""),
        ("get widget z", 1, "", 'Error from server (NotFound): widgets.acme.example.com "z" not found'),
        ("get widget z --ignore-not-found", 0, "", ""),
        ("get gadgets", 1, "", 'error: the server doesn\'t have a resource type "gadgets"'),
        ("get widget a -o yaml", 1, "", 'unable to match a printer suitable for the output format "yaml"'),
        ("get widget a --colour", 1, "", "error: unknown flag: --colour"),
        ("--context other get widgets", 1, "", 'error: context "other" does not exist'),
        ("--kubeconfig /nowhere get widgets", 1, "", "error: stat /nowhere: no such file or directory"),
        ("patch widget a -p '{}'", 1, "", "Error from server (UnsupportedMediaType)"),
        ("patch widget a --type=merge -p '{'", 1, "", "error: unable to parse"),
        ("patch widget z --type=merge -p '{}'", 1, "", "Error from server (NotFound)"),
        ("delete widget z", 1, "", "Error from server (NotFound)"),
        ("delete widget z --ignore-not-found=true --wait=false", 0, "", ""),
        ("exec etcd-9 -- true", 1, "", 'Error from server (NotFound): pods "etcd-9" not found'),
        ("exec done -- true", 1, "", "error: cannot exec into a container in a completed pod"),
        ("exec -c sidecar etcd-0 -- true", 1, "", "container sidecar is not valid for pod etcd-0"),
        ("exec -n blue -c etcd -t etcd-0 -- sh -c 'exit 7'", 7, "", "command terminated with exit code 7"),
        ("exec etcd-0 -- sh -c 'echo $POD in $POD_NAMESPACE'", 0, "etcd-0 in blue\n", ""),
        ("rsh -c etcd etcd-0 sh -c 'echo hello'", 0, "hello\n", ""),
        ("exec etcd-0 -- no-such-program", 127, "", "executable file not found in $PATH"),
        ("wait widget/a --for=condition=Ready --timeout=1s", 0, "widget.acme.example.com/a condition met\n", ""),
        ("wait widget/a --for=condition=Ready=False --timeout=0.1s", 1, "", "timed out waiting for the condition"),
        ("whoami", 0, "admin\n", ""),
        ("frobnicate", 1, "", 'error: unknown command "frobnicate" for "oc"'),
    ],
)
def test_what_it_says(bench: Bench, words: str, code: int, out: str, err: str) -> None:
    said = bench.oc(words)

    assert said.code == code, said
    assert out in said.out
    assert err in said.err
    if not out:
        assert said.out == ""


def test_a_patch_merges_lasts_and_counts_generations(bench: Bench) -> None:
    patch = '{"metadata":{"annotations":{"x.y/z":null,"new":"1"}},"spec":{"size":2}}'

    assert bench.oc(f"patch wd a --type=merge -p '{patch}'").out == "widget.acme.example.com/a patched\n"
    assert (
        bench.oc(f"patch wd a --type=merge --patch '{patch}'").out == "widget.acme.example.com/a patched (no change)\n"
    )

    now = json.loads(bench.oc("get wd a -o json").out)
    assert now["spec"] == {"size": 2, "colour": "red"}
    assert now["metadata"]["annotations"] == {"new": "1"}
    assert now["metadata"]["generation"] == 2
    bench.oc("annotate wd a other=2")
    assert bench.oc("get wd a -o jsonpath='{.metadata.generation}'").out == "2", "an annotation is no new generation"


def test_a_mark_that_is_there_is_not_overwritten_by_itself(bench: Bench) -> None:
    assert "already has a value (red)" in bench.oc("label wd a colour=blue").err
    assert bench.oc("label wd a colour=blue --overwrite").code == 0
    assert bench.oc("label wd a colour-").code == 0
    assert bench.oc("get wd -l colour -o name").out == "widget.acme.example.com/b\n"


def test_finalizers_hold_an_object_and_delete_waits_for_them(bench: Bench) -> None:
    bench.oc('patch wd a --type=merge -p \'{"metadata":{"finalizers":["acme/hold"]}}\'')

    assert bench.oc("delete wd a --timeout=0.2s").err.startswith("error: timed out waiting for the condition")
    assert bench.oc("get wd a -o jsonpath='{.metadata.deletionTimestamp}'").out
    assert bench.oc("wait wd/a --for=delete --timeout=0.1s").code == 1
    assert bench.oc('patch wd a --type=merge -p \'{"metadata":{"finalizers":null}}\'').code == 0
    assert bench.oc("get wd a").code == 1


def test_what_an_object_owns_goes_with_it_unless_orphaned(bench: Bench) -> None:
    uid = bench.oc("get wd a -o jsonpath='{.metadata.uid}'").out
    with bench.server.writing() as store:
        owner = {"ownerReferences": [{"kind": "Widget", "name": "a", "uid": uid}]}
        store.put("persistentvolumeclaims", "data-a", "blue", metadata=owner)
        store.put("persistentvolumeclaims", "data-x", "blue")

    assert bench.oc("delete widget/a").out == 'widget.acme.example.com "a" deleted\n'
    assert bench.oc("get pvc -o name").out == "persistentvolumeclaim/data-x\n"


def test_create_and_apply_read_a_manifest(bench: Bench) -> None:
    manifest = json.dumps(
        {"kind": "Widget", "apiVersion": "acme.example.com/v1", "metadata": {"name": "n"}, "spec": {"size": 1}}
    )

    assert bench.oc("create -f -", stdin=manifest).out == "widget.acme.example.com/n created\n"
    assert "AlreadyExists" in bench.oc("create -f -", stdin=manifest).err
    assert bench.oc("apply -f -", stdin=manifest).out == "widget.acme.example.com/n unchanged\n"
    assert bench.oc("apply -f -", stdin=manifest.replace("1}", "9}")).out == "widget.acme.example.com/n configured\n"
    assert bench.oc("scale wd n --replicas=0").out == "widget.acme.example.com/n scaled\n"
    assert bench.oc("get wd n -o jsonpath='{.spec}'").out == '{"size":9,"replicas":0}'


def test_files_go_into_a_pod_and_out_again(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "here").write_text("hello")

    assert bench.oc(f"cp -c etcd {tmp_path}/here blue/etcd-0:/var/lib/there").code == 0
    assert bench.oc(f"cp blue/etcd-0:/var/lib/there {tmp_path}/back").code == 0
    assert (tmp_path / "back").read_text() == "hello"
    assert "Cannot stat: No such file or directory" in bench.oc(f"cp etcd-0:/var/lib/none {tmp_path}/back").err


def test_a_server_that_does_not_answer_fails_like_an_object_that_is_not_there(bench: Bench) -> None:
    """The texts differ, the statuses do not: a plan that goes by the status alone reads an outage as an answer."""
    with bench.machine.shared(state_name(ADDRESS)) as data:
        data["outage"] = "refused"
    refused = bench.oc("get widget a --ignore-not-found")
    with bench.machine.shared(state_name(ADDRESS)) as data:
        data["outage"] = "net/http: TLS handshake timeout"
    slow = bench.oc("get widget z")

    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(
        f"The connection to the server {ADDRESS} was refused - did you specify the right host"
    )
    assert (slow.code, slow.err) == (1, "Unable to connect to the server: net/http: TLS handshake timeout\n")
    (bench.rack.directory / "shared" / f"{state_name(ADDRESS)}.json").unlink()
    assert "no such host" in bench.oc("get wd").err


def test_who_may_look_only_may_not_write(bench: Bench) -> None:
    assert bench.oc("get wd a", user="viewer").code == 0
    said = bench.oc('patch wd a --type=merge -p \'{"spec":{"size":5}}\'', user="viewer")

    assert said.code == 1
    assert 'widgets.acme.example.com "a" is forbidden: User "viewer" cannot patch resource "widgets"' in said.err
    assert bench.oc("delete wd a", user="viewer").code == 1
    assert bench.oc("get wd a -o jsonpath='{.spec.size}'").out == "1"


def test_a_server_may_refuse_every_write(bench: Bench) -> None:
    with bench.machine.shared(state_name(ADDRESS)) as data:
        data["refuses_writes"] = later("", "Internal error occurred: no webhook", -1)

    said = bench.oc("label wd a new=1")

    assert (said.code, said.err) == (1, "Error from server (InternalError): Internal error occurred: no webhook\n")
    assert bench.oc("get wd a").code == 0


def test_values_change_by_themselves_and_a_patch_leaves_that_alone(bench: Bench) -> None:
    with bench.server.writing() as store:
        one = store.get(store.kind("widgets"), "blue", "a")
        one["status"] = {"phase": later("Pending", "Running", 2.0)}
    bench.oc('patch wd a --type=merge -p \'{"spec":{"size":7}}\'')

    assert bench.oc("get wd a -o jsonpath='{.status.phase}'").out == "Pending"
    assert bench.oc("wait wd/a --for=jsonpath='{.status.phase}'=Running --timeout=20s").code == 0


CONTROLLER = """
def changed(store, plural, old, new):
    if plural == "widgets" and new is not None and new["spec"].get("size") == 5:
        store.alarm(__name__, 0.3, name=new["metadata"]["name"])

def due(store, alarm):
    kind = store.kind("widgets")
    store.patch(kind, "blue", alarm["name"], {"spec": {"size": 1}})
"""


def test_a_controller_acts_on_writes_and_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Played in this process: `oc` on a host finds controllers of systems only."""
    module = bench.rack.directory / "acme_controller.py"
    module.write_text(CONTROLLER)
    monkeypatch.syspath_prepend(str(bench.rack.directory))
    with bench.machine.shared(state_name(ADDRESS)) as data:
        data["controllers"] = ["acme_controller"]
    with bench.server.writing() as store:
        store.patch(store.kind("wd"), "blue", "a", {"spec": {"size": 5}})
    assert bench.server.reading().get(store.kind("wd"), "blue", "a")["spec"]["size"] == 5

    deadline = time.monotonic() + 10
    while bench.server.reading().get(store.kind("wd"), "blue", "a")["spec"]["size"] == 5:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert bench.server.reading().get(store.kind("wd"), "blue", "a")["metadata"]["generation"] == 3


RELEASE = {"releases": {"sha256:" + "a" * 64: {"version": "4.20.30", "images": {"etcd": "quay.io/etcd@sha256:1"}}}}


def test_a_release_that_is_gone_and_a_registry_that_is_away(bench: Bench) -> None:
    image = "quay.io/release@sha256:" + "a" * 64
    bench.machine.shared("registry").write(RELEASE)

    assert bench.oc(f"adm release info {image} -o jsonpath='{{.metadata.version}}'").out == "4.20.30"
    assert bench.oc(f"adm release info {image} --image-for=etcd").out == "quay.io/etcd@sha256:1\n"
    assert "Name:       4.20.30" in bench.oc(f"adm release info {image}").out
    gone = bench.oc(f"adm release info {image.replace('a', 'b')}")
    bench.machine.shared("registry").write({**RELEASE, "outage": "dial tcp: i/o timeout"})
    away = bench.oc(f"adm release info {image}")
    assert (gone.code, away.code) == (1, 1)
    assert "manifest unknown" in gone.err
    assert "unable to connect to image repository" in away.err
    assert "manifest unknown" not in away.err


DATA = {
    "a": {"x.y": "dotted", "n": 3, "yes": True, "none": None},
    "list": [{"t": "A", "s": "1"}, {"t": "B", "s": "2", "deep": {"k": "v"}}, {"t": "C"}],
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{.a.n}", "3"),
        ("{.a.yes}", "true"),
        ("{.a.missing.deeper}", ""),
        ("{.a.x\\.y}", "dotted"),
        ("{.a['x\\.y']}", "dotted"),
        ("{.list[*].t}", "A B C"),
        ("{.list[-1].t}{.list[0:2].t}", "CA B"),
        ('{range .list[*]}{.t}={.s}{"\\n"}{end}', "A=1\nB=2\nC=\n"),
        ('{.list[?(@.t=="B")].s}', "2"),
        ('{.list[?(@.s!="2")].t}', "A"),
        ("{.list[?(@.deep.k)].t}", "B"),
        ("{.list[1].deep}", '{"k":"v"}'),
        ("{range .nothing[*]}x{end}end", "end"),
        ("{..k}", "v"),
    ],
)
def test_jsonpath(template: str, expected: str) -> None:
    assert render(template, DATA) == expected


def test_jsonpath_refuses_what_it_cannot_read() -> None:
    for template in ("{.list[7].t}", "{range .list[*]}x", "{.list[", "{.a b c}"):
        with pytest.raises(PathError):
            render(template, DATA)


@pytest.mark.skipif(shutil.which("kubectl", path=os.defpath) is None, reason="kubectl is not there to compare with")
@pytest.mark.parametrize(
    "template",
    [
        "{.data}",
        "{.data.a\\.b}",
        "{.data['a.b']}",
        "{.data['a\\.b']}",
        "{..name}",
        "{.nothing}",
        '{range .metadata.x[*]}y{end}{"\\t"}z',
        "{.kind}{.data.c}",
    ],
)
def test_jsonpath_and_merge_are_kubectl_s(template: str, tmp_path: Path) -> None:
    made = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "m"},
        "data": {"a.b": "1", "c": "2", "d": "3"},
    }
    patch = {"data": {"c": None, "d": "4", "e": "5"}}
    (tmp_path / "cm.json").write_text(json.dumps(made))
    argv = ["kubectl", "patch", "--local", "--type=merge", "-f", str(tmp_path / "cm.json"), "-p", json.dumps(patch)]

    real = subprocess.run([*argv, "-o", f"jsonpath={template}"], capture_output=True, text=True, check=True)

    assert render(template, merged(made, patch)) == real.stdout
