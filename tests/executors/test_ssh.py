"""The SSH executor against a real OpenSSH server: whom it trusts, what it shows, what it bounds."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.action import HEAD_BYTES, TAIL_BYTES, Action, Ended, NeverRan, Verb
from core.errors import AccessDeniedError, HostNotReadyError, OutcomeLostError, UnreachableError
from core.target import Host
from executors.dial import SshSettings
from executors.ssh import SshExecutor
from tests.executors.sshd import Sshd, free_port, keygen
from tests.practice_executor import allowed

pytestmark = pytest.mark.sshd


def do(script: str, unit: str = "one@web1", timeout_s: float = 20, verb: Verb = Verb.DO) -> Action:
    return Action(run_id="R-1", unit=unit, verb=verb, script=script, timeout_s=timeout_s)


def ignore(_text: str) -> None:
    pass


@pytest.fixture
def host(sshd: Sshd, tmp_path: Path) -> Host:
    return sshd.host(state_dir=str(tmp_path / "state"))


Factory = Callable[..., SshExecutor]


@pytest.fixture
async def executor_with(sshd: Sshd) -> AsyncIterator[Factory]:
    """Makes executors whose settings differ from the server's own in what the test says."""
    made: list[SshExecutor] = []

    def make(**changes: object) -> SshExecutor:
        made.append(SshExecutor(sshd.settings(**changes)))
        return made[-1]

    yield make
    for executor in made:
        await executor.close()


def public(key: Path) -> str:
    return key.with_name(key.name + ".pub").read_text().strip()


def fingerprint(key: Path) -> str:
    line = subprocess.run(["ssh-keygen", "-lf", str(key)], check=True, capture_output=True, text=True).stdout
    return line.split()[1]


class TestTrust:
    async def test_an_unknown_host_key_is_refused(self, executor_with: Factory, sshd: Sshd, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()
        executor = executor_with(known_hosts=(str(tmp_path / "empty"),))

        with pytest.raises(AccessDeniedError, match="not known") as refused:
            await executor.run(do("true"), sshd.host(), ignore, allowed)

        assert fingerprint(sshd.folder / "host_key") in str(refused.value)
        assert "nothing was started" in str(refused.value)

    async def test_a_changed_host_key_is_refused(self, executor_with: Factory, sshd: Sshd, tmp_path: Path) -> None:
        other = keygen(tmp_path / "other")
        known = tmp_path / "known"
        known.write_text(f"[127.0.0.1]:{sshd.port} {public(other)}\n")

        with pytest.raises(AccessDeniedError, match="has changed") as refused:
            await executor_with(known_hosts=(str(known),)).look(do("true", verb=Verb.PROBE), sshd.host())

        assert fingerprint(other) in str(refused.value)
        assert fingerprint(sshd.folder / "host_key") in str(refused.value)

    async def test_a_pinned_key_is_enough_and_beats_known_hosts(
        self, executor_with: Factory, sshd: Sshd, host: Host, tmp_path: Path
    ) -> None:
        right = replace(host, host_key=public(sshd.folder / "host_key"))
        wrong = replace(host, host_key=public(keygen(tmp_path / "other")))
        executor = executor_with(known_hosts=(str(tmp_path / "none"),))

        assert isinstance(await executor.run(do("true"), right, ignore, allowed), Ended)
        with pytest.raises(AccessDeniedError, match="pinned"):
            await executor_with().run(do("true"), wrong, ignore, allowed)
        with pytest.raises(AccessDeniedError, match="host_key of 'web1'"):
            await executor.run(do("true"), replace(host, host_key="nonsense"), ignore, allowed)

    async def test_a_host_certificate_of_a_named_authority_is_accepted(
        self, executor_with: Factory, tmp_path: Path
    ) -> None:
        folder = tmp_path / "sshd"
        folder.mkdir()
        authority = keygen(tmp_path / "authority")
        for key in ("host_key", "user_key"):
            keygen(folder / key)
        shutil.copy(folder / "user_key.pub", folder / "authorized_keys")

        def certify(principal: str) -> None:
            subprocess.run(
                ["ssh-keygen", "-qh", "-s", authority, "-I", "x", "-n", principal, folder / "host_key.pub"],
                check=True,
            )

        certify("127.0.0.1")
        server = Sshd(folder=folder, extra=f"HostCertificate {folder}/host_key-cert.pub").start()
        try:
            known = tmp_path / "known"
            known.write_text(f"@cert-authority 127.0.0.* {public(authority)}\n")
            settings = {"known_hosts": (str(known),), "identity_files": (str(folder / "user_key"),)}

            assert isinstance(await executor_with(**settings).run(do("true"), server.host(), ignore, allowed), Ended)

            known.write_text(f"@cert-authority 127.0.0.* {public(keygen(tmp_path / 'stranger'))}\n")
            with pytest.raises(AccessDeniedError, match="no authority"):
                await executor_with(**settings).run(do("true"), server.host(), ignore, allowed)

            server.stop()
            certify("another-host")
            server.start()
            known.write_text(f"@cert-authority 127.0.0.* {public(authority)}\n")
            with pytest.raises(AccessDeniedError, match="made out to another-host"):
                await executor_with(**settings).run(do("true"), server.host(), ignore, allowed)
        finally:
            server.stop()

    async def test_a_key_the_host_does_not_know_is_denied(
        self, executor_with: Factory, host: Host, tmp_path: Path
    ) -> None:
        stranger = keygen(tmp_path / "stranger")

        with pytest.raises(AccessDeniedError, match="credentials"):
            await executor_with(identity_files=(str(stranger),)).run(do("true"), host, ignore, allowed)
        with pytest.raises(AccessDeniedError, match="cannot read"):
            await executor_with(identity_files=(str(tmp_path / "none"),)).run(do("true"), host, ignore, allowed)

    async def test_ssh_config_is_honoured(self, executor_with: Factory, sshd: Sshd, host: Host, tmp_path: Path) -> None:
        config = tmp_path / "config"
        config.write_text(
            f"Host controller\n HostName 127.0.0.1\n Port {sshd.port}\n User {host.user}\n"
            f" IdentityFile {sshd.folder}/user_key\n IdentityFile {tmp_path}/not-there\n"
        )
        executor = executor_with(ssh_config=str(config), identity_files=())

        verdict = await executor.run(
            do("true"), replace(host, address="controller", port=None, user=None), ignore, allowed
        )

        assert isinstance(verdict, Ended)

    async def test_a_jump_host_is_used_and_has_to_be_known_too(
        self, executor_with: Factory, sshd: Sshd, host: Host, tmp_path: Path
    ) -> None:
        jump = Sshd(folder=tmp_path / "jump").start()
        try:
            shutil.copy(sshd.folder / "authorized_keys", jump.folder / "authorized_keys")
            config = tmp_path / "config"
            config.write_text(
                "Host inner\n HostName localhost\n HostKeyAlias 127.0.0.1\n"
                f" Port {sshd.port}\n ProxyJump {host.user}@127.0.0.1:{jump.port}\n"
            )
            inner = replace(host, address="inner", port=None)
            both = (str(sshd.folder / "known_hosts"), str(jump.folder / "known_hosts"))

            verdict = await executor_with(ssh_config=str(config), known_hosts=both).run(
                do("true"), inner, ignore, allowed
            )
            assert isinstance(verdict, Ended)
            assert "Accepted publickey" in (jump.folder / "sshd.log").read_text()

            with pytest.raises(AccessDeniedError, match=f"127.0.0.1:{jump.port} is not known"):
                await executor_with(ssh_config=str(config)).run(do("true"), inner, ignore, allowed)
        finally:
            jump.stop()

    async def test_a_port_without_ssh_is_unreachable(self, executor_with: Factory, host: Host) -> None:
        silent = socket.create_server(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        executor = executor_with(connect_timeout_s=1.0)
        try:
            for nobody in (replace(host, port=free_port()), replace(host, port=port)):
                with pytest.raises(UnreachableError, match="nothing was started"):
                    await executor.run(do("true"), nobody, ignore, allowed)
        finally:
            silent.close()

    def test_settings_that_would_not_notice_a_dead_link_are_refused(self) -> None:
        with pytest.raises(ValueError, match="dead_after_s"):
            SshSettings(dead_after_s=60)


class TestOutput:
    async def test_it_streams(self, ssh: SshExecutor, host: Host) -> None:
        heard: list[tuple[float, str]] = []
        running = asyncio.create_task(
            ssh.run(
                do("echo one; sleep 1; echo two"), host, lambda text: heard.append((time.monotonic(), text)), allowed
            )
        )
        await running

        assert [text for _, text in heard] == ["one\n", "two\n"]
        assert heard[1][0] - heard[0][0] > 0.4

    async def test_ten_megabytes_are_bounded_and_counted(self, ssh: SshExecutor, host: Host) -> None:
        verdict = await ssh.run(do("seq 1 1400000"), host, ignore, allowed)

        assert isinstance(verdict, Ended)
        output = verdict.output
        whole = "".join(f"{n}\n" for n in range(1, 1_400_001))
        assert output.size == len(whole)
        assert whole.startswith(output.head)
        assert whole.endswith(output.tail)
        assert len(output.head) <= HEAD_BYTES
        assert len(output.tail) <= TAIL_BYTES
        assert output.left_out == len(whole) - len(output.head) - len(output.tail)

    async def test_binary_output_is_text_afterwards(self, ssh: SshExecutor, host: Host) -> None:
        verdict = await ssh.run(
            do("printf 'a\\0\\377\\n\\303\\251'; head -c 100000 /dev/urandom; exit 4"), host, ignore, allowed
        )

        assert isinstance(verdict, Ended)
        assert verdict.exit_code == 4
        assert verdict.output.text.startswith("a��\né")
        verdict.output.text.encode()

    async def test_secrets_are_masked_before_anybody_hears_them(self, executor_with: Factory, host: Host) -> None:
        executor = executor_with(secrets=("hunter2-hunter2",))
        heard: list[str] = []
        script = "printf hunter2-; sleep 0.3; echo hunter2; echo password=abc; echo end; mysql -pqwe; true"

        verdict = await executor.run(do(script), host, heard.append, allowed)
        look = await executor.look(do(f"{script}; {script} >&2", verb=Verb.PROBE), host)

        assert isinstance(verdict, Ended)
        for text in ("".join(heard), verdict.output.text, look.stdout):
            assert "[masked]\npassword=[masked]\nend\n" in text
        assert "hunter2" not in "".join(heard) + verdict.output.text + look.stdout + look.output.text

    async def test_output_cannot_forge_a_verdict(self, ssh: SshExecutor, host: Host) -> None:
        """The action prints lines like the protocol's, with every word it can find about itself."""
        script = (
            "printf '\\n%s exit 0 exit 1 0 - -\\n' 0123456789abcdef0123456789abcdef \"$BELAY_MARK\"; "
            "for f in /proc/$PPID/cmdline /proc/$PPID/environ; do tr '\\0' '\\n' <$f; done; exit 5"
        )
        verdict = await ssh.run(do(script), host, ignore, allowed)

        assert isinstance(verdict, Ended)
        assert verdict.exit_code == 5
        assert "exit 0 exit 1 0" in verdict.output.text

    async def test_a_look_keeps_stdout_apart(self, ssh: SshExecutor, host: Host) -> None:
        look = await ssh.look(do("echo yes; echo warning >&2; exit 1", verb=Verb.PROBE), host)

        assert (look.exit_code, look.stdout) == (1, "yes\n")
        assert sorted(look.output.text.splitlines()) == ["warning", "yes"]

    async def test_a_look_without_an_answer_is_none(self, ssh: SshExecutor, host: Host) -> None:
        with pytest.raises(OutcomeLostError, match="no answer"):
            await ssh.look(do("sleep 30", timeout_s=0.3, verb=Verb.PROBE), host)
        with pytest.raises(OutcomeLostError, match=r"shell on the host ended"):
            await ssh.look(do("kill -9 $PPID", verb=Verb.PROBE), host)


class TestHost:
    async def test_a_noisy_login_shell_does_no_harm(self, executor_with: Factory, tmp_path: Path) -> None:
        folder = tmp_path / "sshd"
        server = Sshd(folder=folder, extra='ForceCommand echo "Welcome!"; printf x; eval "$SSH_ORIGINAL_COMMAND"')
        server.start()
        try:
            executor = executor_with(
                known_hosts=(str(folder / "known_hosts"),), identity_files=(str(folder / "user_key"),)
            )
            verdict = await executor.run(do("echo mine; exit 3"), server.host(), ignore, allowed)
            look = await executor.look(do("echo mine", verb=Verb.PROBE), server.host())
        finally:
            server.stop()

        assert isinstance(verdict, Ended)
        assert (verdict.exit_code, verdict.output.text) == (3, "mine\n")
        assert look.stdout == "mine\n"

    async def test_an_account_without_a_shell_is_not_ready(self, executor_with: Factory, tmp_path: Path) -> None:
        folder = tmp_path / "sshd"
        server = Sshd(folder=folder, extra="ForceCommand echo This account is currently not available.; exit 1")
        server.start()
        try:
            executor = executor_with(
                known_hosts=(str(folder / "known_hosts"),), identity_files=(str(folder / "user_key"),)
            )
            with pytest.raises(HostNotReadyError, match="no usable /bin/sh"):
                await executor.run(do("true"), server.host(), ignore, allowed)
        finally:
            server.stop()

    async def test_a_state_dir_that_cannot_be_written_is_not_ready(
        self, ssh: SshExecutor, host: Host, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        bad = replace(host, state_dir=str(tmp_path / "file" / "state"))

        with pytest.raises(HostNotReadyError, match=r"Not a directory.*state_dir"):
            await ssh.run(do("true"), bad, ignore, allowed)
        assert (await ssh.look(do("true", verb=Verb.PROBE), bad)).exit_code == 0

    async def test_stop_reaches_a_host_whose_sessions_are_all_taken(self, ssh: SshExecutor, host: Host) -> None:
        actions = [do("sleep 30", f"unit{n}@web1", timeout_s=30) for n in range(12)]
        running = [asyncio.create_task(ssh.run(action, host, ignore, allowed)) for action in actions]
        first = Path(host.state_dir) / "R-1" / actions[0].key / "claim"
        while not first.exists():
            await asyncio.sleep(0.01)

        stopped = await ssh.stop(actions[0], host)
        rest = await asyncio.gather(*(ssh.stop(action, host) for action in actions[1:]))
        verdicts = await asyncio.gather(*running)

        assert isinstance(stopped, Ended)
        assert stopped.killed
        assert all((isinstance(v, Ended) and v.killed) or isinstance(v, NeverRan) for v in (*rest, *verdicts))

    async def test_stop_brings_what_was_printed(self, executor_with: Factory, host: Host, tmp_path: Path) -> None:
        action = do(f"echo before; touch {tmp_path}/begun; sleep 30", timeout_s=30)
        running = asyncio.create_task(executor_with().run(action, host, ignore, allowed))
        while not (tmp_path / "begun").exists():
            await asyncio.sleep(0.01)

        verdict = await executor_with().stop(action, host)

        assert isinstance(verdict, Ended)
        assert (verdict.killed, verdict.output.text) == (True, "before\n")
        assert await running == verdict

    async def test_closing_tells_those_who_wait(self, ssh: SshExecutor, host: Host, tmp_path: Path) -> None:
        action = do(f"touch {tmp_path}/begun; sleep 0.7; exit 3")
        running = asyncio.create_task(ssh.run(action, host, ignore, allowed))
        while not (tmp_path / "begun").exists():
            await asyncio.sleep(0.01)
        await ssh.close()
        with pytest.raises(OutcomeLostError):
            await running

    async def test_time_is_up(self, ssh: SshExecutor, host: Host) -> None:
        verdict = await ssh.run(do("echo a; sleep 30", timeout_s=0.5), host, ignore, allowed)

        assert isinstance(verdict, Ended)
        assert verdict.timed_out
        assert (verdict.exit_code, verdict.output.text) == (143, "a\n")
        assert 0.5 <= verdict.duration_s < 5

    async def test_two_bots_at_once_run_it_once(self, executor_with: Factory, host: Host, tmp_path: Path) -> None:
        action = do(f"echo x >>{tmp_path}/count; sleep 0.3; echo same; exit 6")

        both = await asyncio.gather(*(executor_with().run(action, host, ignore, allowed) for _ in range(2)))

        assert [(v.exit_code, v.output.text) for v in both if isinstance(v, Ended)] == [(6, "same\n")] * 2
        assert (tmp_path / "count").read_text() == "x\n"

    async def test_an_unused_connection_is_given_back(self, executor_with: Factory, host: Host) -> None:
        executor = executor_with(idle_close_s=0.5)
        await executor.run(do("true"), host, ignore, allowed)
        place = executor._places[host.identity]
        while place.link is not None:
            await asyncio.sleep(0.05)

        assert isinstance(await executor.run(do("true", "two@web1"), host, ignore, allowed), Ended)
