"""Every practice system, and how its scenarios are named: SYSTEM/SCENARIO, or SCENARIO alone for the practice cloud."""

from core.names import pick
from sandbox.systems import practice
from sandbox.systems.containerised_openstack.system import SYSTEM as CONTAINERISED_OPENSTACK
from sandbox.systems.fast_forward.system import SYSTEM as FAST_FORWARD
from sandbox.systems.hosted_control_plane.system import SYSTEM as HOSTED_CONTROL_PLANE
from sandbox.systems.kolla.system import SYSTEM as KOLLA
from sandbox.systems.rhoso_adoption.system import SYSTEM as RHOSO_ADOPTION
from sandbox.systems.scenario import Scenario
from sandbox.systems.system import System

#: The first is the one meant where nobody names a system.
SYSTEMS: tuple[System, ...] = (
    practice.SYSTEM,
    RHOSO_ADOPTION,
    HOSTED_CONTROL_PLANE,
    FAST_FORWARD,
    CONTAINERISED_OPENSTACK,
    KOLLA,
)


def system_named(name: str) -> System:
    """
    Raises:
        UnknownNameError: there is none; the text offers the nearest.
    """
    known = {system.name: system for system in SYSTEMS}
    return known[pick("practice system", name, known)]


def scenario_named(name: str) -> tuple[System, Scenario]:
    """
    Raises:
        UnknownNameError: there is none; the text offers the nearest.
    """
    system, slash, scenario = name.partition("/")
    chosen = system_named(system) if slash else SYSTEMS[0]
    return chosen, chosen.scenario(scenario if slash else name)


def scenario_for(plan: str) -> tuple[System, Scenario]:
    """Return what *plan* is practised on where nobody says: the first scenario of the system it belongs to."""
    for system in SYSTEMS:
        for scenario in system.scenarios:
            if plan == (scenario.plan or system.plan):
                return system, scenario
    return SYSTEMS[0], SYSTEMS[0].scenarios[0]


def full_name(system: System, scenario: Scenario) -> str:
    """Return what people type for it."""
    return scenario.name if system is SYSTEMS[0] else f"{system.name}/{scenario.name}"
