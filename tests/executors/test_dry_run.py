"""The dry run says what a person would type, and types nothing."""

from core.action import Action, Ended, Verb
from core.target import Host
from executors.dry_run import DryRunExecutor
from tests.practice_executor import allowed

HOST = Host(name="ctl1", address="10.0.0.5", port=2222, user="stack")


def ignore(_text: str) -> None:
    pass


async def test_it_reads_as_one_would_type_it() -> None:
    said: list[str] = []
    executor = DryRunExecutor(said.append, secrets=("hunter2!",))
    stop = Action(
        run_id="R-1",
        unit="stop@ctl1",
        verb=Verb.DO,
        argv=("systemctl", "stop", "a b"),
        env={"WHY": "it's late", "PW": "hunter2!"},
        timeout_s=60,
    )
    script = Action(run_id="R-1", unit="dump@ctl1", verb=Verb.DO, script="a | b\nc", timeout_s=5.5)

    await executor.run(stop, HOST, ignore, allowed)
    await executor.run(script, HOST, ignore, allowed)

    assert said == [
        (
            "would run stop@ctl1 (do): on 'ctl1' (ssh stack@10.0.0.5:2222), for at most 60 s\n"
            "  WHY='it'\"'\"'s late' PW='[masked]' systemctl stop 'a b'\n"
        ),
        (
            "would run dump@ctl1 (do): on 'ctl1' (ssh stack@10.0.0.5:2222), for at most 5.5 s\n"
            "  /bin/sh <<'EOF'\n  a | b\n  c\n  EOF\n"
        ),
    ]
    assert [planned.action for planned in executor.planned] == [stop, script]


async def test_looks_may_be_real() -> None:
    class Looks(DryRunExecutor):
        async def look(self, action: Action, host: Host) -> Ended:
            return Ended(exit_code=7)

    probe = Action(run_id="R-1", unit="p@ctl1", verb=Verb.PROBE, argv=("true",), timeout_s=1)

    assert (await DryRunExecutor(looks=Looks()).look(probe, HOST)).exit_code == 7
