"""What can be practised on the way back of a Kolla cloud: C1 to C6 as the facts name them, and a few more."""

from sandbox.systems.scenario import End, Scenario

SCENARIOS = (
    Scenario(
        name="C3",
        title="After the contract, with a valid backup",
        what_to_expect="The backup is restored, Galera recovered, RabbitMQ built anew, the old release deployed.",
        end=End.SUCCEEDED,
    ),
)
