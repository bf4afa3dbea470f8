"""The way back of a Kolla update, asked on the practice cloud: what makes it none, and what each step does twice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from core.pnr import Verdict
from sandbox.systems.kolla import layout
from sandbox.systems.tools import containers
from tests.needs import own_view
from tests.sandbox.systems.desk import as_it_was
from tests.sandbox.systems.kolla_world import DEPLOY, FIRST, KollaDesk, desk_at

pytestmark = pytest.mark.asyncio(loop_scope="module")
__all__ = ["own_view"]

TAG = layout.image("keystone", layout.tag_of(layout.ORIGIN))
OLD, NEW = (containers.digest_of(f"keystone of {build}") for build in (layout.BEFORE_UPDATE, layout.AFTER_UPDATE))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory, own_view: None) -> AsyncIterator[KollaDesk]:
    home: Path = tmp_path_factory.mktemp("kolla") / "world"
    async with desk_at(home, "C1", "kolla-update") as desk:
        yield desk


async def test_an_update_is_reversible(desk: KollaDesk) -> None:
    assert {verdict for verdict, _ in (await desk.verdicts()).values()} == {Verdict.REVERSIBLE}
    assert (await desk.check("releases"))[0]


@pytest.mark.parametrize(
    ("point", "statement", "words"),
    [
        ("migrated", "UPDATE nova.alembic_version SET version_num = '2d0a14ce2b39'", "migrated to nova 2d0a14ce2b39"),
        ("migrated", "DELETE FROM keystone.alembic_version WHERE version_num = 'c1a3c5b7d9f0'", "fewer revisions"),
    ],
)
async def test_a_migration_means_it_was_no_update(desk: KollaDesk, point: str, statement: str, words: str) -> None:
    async with as_it_was(desk):
        await desk.sql(statement)
        verdict, found = (await desk.verdicts(point))[point]
    assert verdict is Verdict.CROSSED
    assert words in found


async def test_new_flags_mean_it_was_no_update(desk: KollaDesk) -> None:
    async with as_it_was(desk):
        with desk.machine(FIRST).shared("rabbitmq") as state:
            state["flags_of"]["4.0"] = layout.FLAGS["4.1"]
            for cluster in state["clusters"].values():
                cluster["flags"].append("khepri_db")
        verdict, found = (await desk.verdicts("rabbitmq-flags-moved"))["rabbitmq-flags-moved"]
    assert verdict is Verdict.CROSSED
    assert "khepri_db" in found


@pytest.mark.parametrize(("origin", "destination"), [("2025.1", "2025.2"), ("latest", "2025.1-20261124")])
async def test_another_series_is_refused(desk: KollaDesk, origin: str, destination: str) -> None:
    assert desk.ledger.upgrade is not None
    plan = desk.resolve(upgrade=replace(desk.ledger.upgrade, origin=origin, destination=destination))
    assert not (await KollaDesk(desk.world, plan, desk.name).check("releases"))[0]


async def test_galera_has_to_be_whole_first(desk: KollaDesk) -> None:
    assert (await desk.check("galera-whole"))[0]
    async with as_it_was(desk):
        await desk.do("control-3", "docker stop mariadb")
        assert not (await desk.check("galera-whole"))[0]


async def test_no_unit_is_about_the_data_path(desk: KollaDesk) -> None:
    keys = [unit.key for step in desk.plan.steps for unit in step.units if unit.item]
    assert any("[nova_compute]" in key for key in keys)
    assert not [key for key in keys for name in layout.DATA_PATH if f"[{name}]" in key]


async def test_the_tag_alone_would_bring_the_new_image(desk: KollaDesk) -> None:
    """Why nothing here goes by it: the registry's tag names the newer build."""
    async with as_it_was(desk):
        await desk.do(FIRST, f"docker pull {TAG}")
        assert containers.find_image(desk.machine(FIRST).state("containers").read(), TAG) == NEW


async def test_one_container_goes_back_and_forth(desk: KollaDesk) -> None:
    """Each step twice, as after an outcome that was not seen; then undone in reverse order."""
    steps = [
        f"note-tags@{FIRST}",
        f"pull@{FIRST}[keystone]",
        f"name-image@{FIRST}[keystone]",
        f"replace@{DEPLOY}[keystone]",
    ]

    def runs() -> str:
        return str(containers.get(desk.machine(FIRST), "keystone")["image"])

    async with as_it_was(desk):
        await desk.do(FIRST, "mkdir -p /run/belay-kolla")
        assert runs() == NEW
        for key in steps:
            for _ in range(2):
                assert (await desk.act(key)).exit_code == 0, key
            assert (await desk.verify(key))[0], key
        assert runs() == OLD

        for key in (*reversed(steps[1:]), f"ready@{DEPLOY}[keystone]"):
            assert (await desk.act(key, undo=True)).exit_code == 0, key
        assert runs() == NEW


async def test_an_abort_leaves_alone_what_the_update_had_not_reached(desk: KollaDesk) -> None:
    """Its tag names the newer image already: kolla-ansible would put it in, as the update did not get to."""
    old, tag = (
        containers.digest_of(f"glance_api of {layout.BEFORE_UPDATE}"),
        layout.image("glance_api", TAG.rpartition(":")[2]),
    )
    machine, keys = desk.machine(FIRST), (f"note-tags@{FIRST}", f"name-image@{FIRST}[glance_api]")

    def named() -> str:
        return containers.find_image(machine.state("containers").read(), tag)

    async with as_it_was(desk):
        await desk.do(FIRST, f"mkdir -p /run/belay-kolla; docker pull {tag.rpartition(':')[0]}@{old}")
        with machine.state("containers") as state:
            state["containers"]["glance_api"]["image"] = old
        newer = named()
        for key in keys:
            assert (await desk.act(key)).exit_code == 0
        assert (await desk.act(keys[1], undo=True)).exit_code == 0
        assert named() == old
        assert (await desk.act(f"ready@{DEPLOY}[glance]", undo=True)).exit_code == 0
        assert containers.get(machine, "glance_api")["image"] == old

        assert (await desk.act(keys[0], undo=True)).exit_code == 0
        assert named() == newer


async def test_a_newer_libvirt_that_was_only_fetched_is_not_put_in(desk: KollaDesk) -> None:
    machine, old = desk.machine("compute-1"), containers.digest_of(f"nova_libvirt of {layout.BEFORE_UPDATE}")
    name = layout.image("nova_libvirt", TAG.rpartition(":")[2]).rpartition(":")[0]
    async with as_it_was(desk):
        await desk.do("compute-1", f"docker pull {name}@{old}")
        with machine.state("containers") as state:
            state["containers"]["nova_libvirt"]["image"] = old
        made = containers.get(machine, "nova_libvirt")["id"]
        for _ in range(2):
            assert (await desk.act("keep-data-path@compute-1")).exit_code == 0
        assert await desk.verify("keep-data-path@compute-1") == (True, "named")
        assert (await desk.act(f"replace@{DEPLOY}[nova]")).exit_code == 0
        assert containers.get(machine, "nova_libvirt")["id"] == made


async def test_an_image_nobody_has_any_more_ends_it(desk: KollaDesk) -> None:
    async with as_it_was(desk):
        with desk.machine(FIRST).shared("registry") as registry:
            del registry["labels"][OLD]
        with desk.machine(FIRST).state("containers") as state:
            state["images"].pop(OLD, None)
        said = await desk.act(f"pull@{FIRST}[keystone]")
    assert said.exit_code == 1
    assert "manifest unknown" in said.stderr
