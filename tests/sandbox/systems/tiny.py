"""
The smallest practice system there is: one host, one file, one plan. It tries the frame, and shows how one is made.

The file /etc/app-release says "old", the upgrade makes it "new", the plan copies the kept one back.
"""

import asyncio
from dataclasses import replace

from core.ledger import Snapshot
from sandbox.systems.findings import Finding
from sandbox.systems.scenario import BEFORE_CLAIM, Act, Answer, End, Scenario, before, during
from sandbox.systems.system import HostSpec, System
from sandbox.systems.world import World

RELEASE = "/etc/app-release"
KEPT = "/var/backups/app-release"

PLAN = """
id: tiny-back
version: "1"
system: tiny
from: new
to: old
roles: {node: {min: 1}}
snapshots: {release: {kind: file, what: the release file of before}}
points_of_no_return:
  - id: sealed
    event: the node was sealed
    checkpoints: [sealed]
    probes:
      - {role: node, argv: [test, -e, /var/lib/sealed], timeout_s: 10, reversible: {exit: 1}, crossed: {exit: 0}}
steps:
  - id: note
    title: note it
    role: node
    do: {script: "echo going back >>/var/log/app.log", timeout_s: 10}
    undo: {script: "echo not going back >>/var/log/app.log", timeout_s: 10}
    verify: {argv: [grep, -q, going, /var/log/app.log], timeout_s: 10, expect: {exit: 0}}
  - id: put-back
    title: put the old release back
    role: node
    do: {argv: [sudo, cp, "{snapshot.release.place}", /etc/app-release], timeout_s: 10}
    verify: {argv: [cat, /etc/app-release], timeout_s: 10, expect: {equals: old}}
    destructive: true
    loses: the new release
    confirm: put it back
    guard: [sealed]
validations:
  - {id: says-old, title: it says old, role: node, argv: [cat, /etc/app-release], timeout_s: 10, expect: {equals: old}}
approvals: {needed: 2}
"""


def furnish(world: World) -> None:
    node = world.hosts["node-1"]
    node.path(RELEASE).write_text("old\n")
    node.path("/var/backups").mkdir()


async def upgrade(world: World) -> None:
    node, recorder = world.hosts["node-1"], world.recorder
    await recorder.begin("old", "new")
    await node.run(f"cp {RELEASE} {KEPT}")
    sha256 = (await node.run(f"sha256sum {KEPT}")).split()[0]
    taken = Snapshot(name="release", kind="file", place=KEPT, sha256=sha256, taken_at=world.now())
    await recorder.snapshot(taken)
    await node.run(f"echo new >{RELEASE}")
    await recorder.mark("node-upgraded", "1 of 1")


async def truth(world: World) -> tuple[Finding, ...]:
    said = world.hosts["node-1"].path(RELEASE).read_text().strip()
    return (Finding(what="the release of node-1", right=said == "old", found=said),)


def does(command: str) -> Act:
    """Return an act that runs *command* on the node."""

    async def act(world: World) -> None:
        await world.hosts["node-1"].run(command)

    return act


async def slow_copy(world: World) -> None:
    """Somebody changes the file while it is copied, and puts it right a moment later."""
    await asyncio.sleep(0)
    await world.hosts["node-1"].run("touch /var/lib/seen-during")


BACK = Scenario(
    name="back",
    title="Nothing stands in the way",
    what_to_expect="The old release is back.",
    end=End.SUCCEEDED,
    at={during("put-back"): slow_copy},
)

SEALED = Scenario(
    name="sealed",
    title="Sealed before anybody asks",
    what_to_expect="Refused.",
    end=End.REFUSED,
    says=("sealed is CROSSED (node-1",),
    prepare=does("touch /var/lib/sealed"),
)

SCENARIOS = (
    BACK,
    SEALED,
    replace(SEALED, name="sealed-late", prepare=does("true"), at={BEFORE_CLAIM: does("touch /var/lib/sealed")}),
    Scenario(
        name="sealed-mid-run",
        title="Sealed when the first step is done",
        what_to_expect="It stops before anything is lost, and somebody takes it back.",
        end=End.UNWOUND,
        at={before("put-back"): does("touch /var/lib/sealed")},
        answers=(Answer(to="sealed", word="abort"),),
    ),
    Scenario(
        name="mended",
        title="The copy fails until somebody puts the file there",
        what_to_expect="It asks; somebody mends it and tries again.",
        end=End.SUCCEEDED,
        at={before("put-back"): does(f"mv {KEPT} {KEPT}.away")},
        answers=(
            Answer(to="put-back", word="resume", phrase="wrong words"),
            Answer(
                to="put-back", word="retry", first=does(f"mv {KEPT}.away {KEPT}"), first_says="the file is put back"
            ),
        ),
    ),
    Scenario(
        name="asks",
        title="The copy fails and nobody knows what to do",
        what_to_expect="It stands still and asks.",
        end=End.ASKS,
        says=("put-back@node-1",),
        at={before("put-back"): does(f"rm {KEPT}")},
    ),
    Scenario(
        name="left",
        title="The copy fails and somebody leaves it as it is",
        what_to_expect="It ends as failed, with the new release in place.",
        end=End.FAILED,
        at={before("put-back"): does(f"rm {KEPT}")},
        answers=(Answer(word="leave", reason="the file is gone, we go forward"),),
    ),
)

SYSTEM = System(
    name="tiny",
    title="A tiny system",
    target="tiny-1",
    plan="tiny-back",
    hosts=(HostSpec(name="node-1", roles=("node",), tools=("sudo",)),),
    own_plans={"tiny.yaml": PLAN},
    furnish=furnish,
    upgrade=upgrade,
    truth=truth,
    scenarios=SCENARIOS,
)
