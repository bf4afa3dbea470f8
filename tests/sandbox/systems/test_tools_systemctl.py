"""`systemctl` and `journalctl`: exit statuses, formats, what lasts, and how things fail."""

import json
import time

import pytest

from sandbox.systems.tools import units
from sandbox.systems.tools.machine import Machine
from tests.sandbox.systems.rack import Rack

KEYSTONE, NOVA = "tripleo_keystone.service", "tripleo_nova_api.service"


@pytest.fixture
def host(rack: Rack) -> Machine:
    (machine,) = rack.add("controller-1")
    units.define(machine, KEYSTONE, active="active", description="keystone container", ports=["tcp:5000"])
    units.define(machine, NOVA)
    units.define(machine, "broken", fails="[Errno 2] no such file")
    units.define(machine, "flaky", fails="not yet", fails_times=1)
    units.define(machine, "masked", enabled="masked")
    units.define(machine, "static", enabled="static")
    units.define(machine, "disabled", enabled="disabled")
    return machine


@pytest.mark.parametrize(
    ("line", "code", "out", "err"),
    [
        (f"systemctl is-active {KEYSTONE}", 0, "active\n", ""),
        (f"systemctl is-active {NOVA}", 3, "inactive\n", ""),
        (f"systemctl is-active {NOVA} {KEYSTONE}", 0, "inactive\nactive\n", ""),
        ("systemctl is-active nowhere", 4, "inactive\n", ""),
        (f"systemctl -q is-active {KEYSTONE}", 0, "", ""),
        (f"systemctl is-failed {NOVA}", 1, "inactive\n", ""),
        (f"systemctl is-enabled {NOVA}", 0, "enabled\n", ""),
        ("systemctl is-enabled static", 0, "static\n", ""),
        ("systemctl is-enabled disabled", 1, "disabled\n", ""),
        ("systemctl is-enabled masked", 1, "masked\n", ""),
        ("systemctl is-enabled nowhere", 1, "", "Failed to get unit file state for nowhere.service: "),
        (f"systemctl start {KEYSTONE}", 0, "", ""),
        ("systemctl start nowhere", 5, "", "Failed to start nowhere.service: Unit nowhere.service not found."),
        ("systemctl start masked", 1, "", "Failed to start masked.service: Unit masked.service is masked."),
        ("systemctl start broken", 1, "", "Job for broken.service failed because the control process exited"),
        ("systemctl stop nowhere", 5, "", "Failed to stop nowhere.service: Unit nowhere.service not loaded."),
        (f"systemctl status {NOVA}", 3, "○ tripleo_nova_api.service", ""),
        ("systemctl status nowhere", 4, "", "Unit nowhere.service could not be found."),
        (f"systemctl show {KEYSTONE} -p ActiveState --value", 0, "active\n", ""),
        (f"systemctl show -p ActiveState,LoadState {NOVA}", 0, "LoadState=loaded\n", ""),
        ("systemctl show nowhere --property=LoadState", 0, "LoadState=not-found\n", ""),
        (f"systemctl is-active '{KEYSTONE[:-10]}*'", 0, "active\n", ""),
        ("systemctl frobnicate x", 1, "", "Unknown command verb frobnicate."),
    ],
)
@pytest.mark.usefixtures("host")
def test_what_it_says(rack: Rack, line: str, code: int, out: str, err: str) -> None:
    said = rack.ask("controller-1", line)

    assert said.code == code, said
    assert out in said.out
    assert bool(out) == bool(said.out)
    assert err in said.err


def test_what_was_started_stays_started_and_is_told_of(rack: Rack, host: Machine) -> None:
    rack.run("controller-1", f"systemctl start {NOVA}")

    assert rack.run("controller-1", f"systemctl is-active {NOVA}") == "active"
    assert f"Started {NOVA}" in rack.run("controller-1", f"journalctl -u {NOVA} --no-pager")
    rack.run("controller-1", f"systemctl stop {NOVA}")
    assert rack.ask("controller-1", f"systemctl is-active {NOVA}").code == 3


def test_a_failed_unit_is_failed_until_it_is_reset(rack: Rack, host: Machine) -> None:
    rack.ask("controller-1", "systemctl start broken")

    assert rack.ask("controller-1", "systemctl is-failed broken").out == "failed\n"
    assert rack.run("controller-1", "journalctl -u broken -o cat -n 2").splitlines()[0] == "[Errno 2] no such file"
    rack.run("controller-1", "systemctl reset-failed")
    assert rack.ask("controller-1", "systemctl is-failed broken").out == "inactive\n"


def test_one_that_fails_once_starts_the_second_time(rack: Rack, host: Machine) -> None:
    assert [rack.ask("controller-1", "systemctl start flaky").code for _ in range(2)] == [1, 0]


def test_mask_disable_and_back(rack: Rack, host: Machine) -> None:
    rack.run("controller-1", f"systemctl mask --now {KEYSTONE}")
    assert rack.ask("controller-1", f"systemctl start {KEYSTONE}").code == 1
    assert rack.run("controller-1", f"systemctl show {KEYSTONE} -p LoadState --value") == "masked"
    rack.run("controller-1", f"systemctl unmask {KEYSTONE} && systemctl disable {KEYSTONE}")
    assert rack.ask("controller-1", f"systemctl is-enabled {KEYSTONE}").out == "disabled\n"
    rack.run("controller-1", f"systemctl enable --now {KEYSTONE} && systemctl is-active {KEYSTONE}")


def test_lists(rack: Rack, host: Machine) -> None:
    shown = json.loads(rack.run("controller-1", "systemctl list-units 'tripleo_*' --all -o json"))
    files = rack.run("controller-1", "systemctl list-unit-files 'tripleo_*' --no-legend").splitlines()
    nothing = rack.ask("controller-1", "systemctl list-unit-files 'edpm_*' --no-legend")

    assert [(one["unit"], one["load"], one["active"], one["sub"]) for one in shown] == [
        (KEYSTONE, "loaded", "active", "running"),
        (NOVA, "loaded", "inactive", "dead"),
    ]
    assert [line.split()[:2] for line in files] == [[KEYSTONE, "enabled"], [NOVA, "enabled"]]
    assert (nothing.code, nothing.out) == (0, "")
    assert rack.run("controller-1", "systemctl list-units --no-legend --plain").split()[0] == KEYSTONE
    assert "0 unit files listed." in rack.run("controller-1", "systemctl list-unit-files 'edpm_*'")
    assert (
        rack.run("controller-1", "systemctl list-unit-files --state=disabled --no-legend").split()[0]
        == "disabled.service"
    )


def test_a_slow_start_is_waited_for_and_seen_as_activating(rack: Rack, host: Machine) -> None:
    units.change(host, NOVA, start_s=0.5)
    began = time.monotonic()

    said = rack.ask("controller-1", f"systemctl start {NOVA} & sleep 0.3; systemctl is-active {NOVA}; wait")

    assert said.out == "activating\n"
    assert time.monotonic() - began >= 0.5
    assert units.state_of(host, NOVA) == "active"


def test_one_that_dies_later(rack: Rack, host: Machine) -> None:
    """Active by systemctl's word right after its start, and failed a moment later: what G20 warns of."""
    units.change(host, NOVA, dies_s=0.4)

    rack.run("controller-1", f"systemctl start {NOVA}")

    assert units.active(host, NOVA)
    deadline = time.monotonic() + 10
    while units.state_of(host, NOVA) == "active":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert units.state_of(host, NOVA) == "failed"


def test_two_changes_at_once_lose_neither(rack: Rack, host: Machine) -> None:
    units.define(host, *(f"unit-{n}" for n in range(12)), start_s=0.0)

    rack.run("controller-1", "for n in 0 1 2 3 4 5 6 7 8 9 10 11; do systemctl start unit-$n & done; wait")

    assert all(units.active(host, f"unit-{n}") for n in range(12))


def test_calls_are_noted(rack: Rack, host: Machine) -> None:
    rack.ask("controller-1", f"BELAY_KEY=start.do.1 systemctl start {NOVA}; sudo -n systemctl -q is-active nowhere")

    calls = host.calls()
    assert [(c["tool"], c["words"][0], c["status"], c["key"]) for c in calls] == [
        ("systemctl", "start", 0, "start.do.1"),
        ("systemctl", "-q", 4, ""),
    ]
    assert host.calls("systemctl", "start") == calls[:1]
