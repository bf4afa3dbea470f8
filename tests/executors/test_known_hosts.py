"""known_hosts as OpenSSH reads it. Certificates are tested against a real sshd, in test_ssh.py."""

import base64
import subprocess
from pathlib import Path

import pytest

from executors.known_hosts import HostKey, look_up, pinned, refusal

KEY = HostKey("ssh-ed25519", b"key")
OTHER = HostKey("ssh-ed25519", b"other")


def line(patterns: str, key: HostKey = KEY, marker: str = "") -> str:
    return f"{marker} {patterns} {key.kind} {base64.b64encode(key.blob).decode()} comment".strip()


@pytest.mark.parametrize(
    ("patterns", "host", "port", "found"),
    [
        ("web1", "web1", 22, True),
        ("WEB1", "web1", 22, True),
        ("web1", "web2", 22, False),
        ("web1", "web1", 2222, False),
        ("[web1]:2222", "web1", 2222, True),
        ("[web1]:2222", "web1", 22, False),
        ("db1,web1,10.0.0.1", "10.0.0.1", 22, True),
        ("web*", "web17", 22, True),
        ("web?", "web17", 22, False),
        ("*,!web1", "web1", 22, False),
        ("*,!web1", "web2", 22, True),
        ("[*]:2222", "web1", 2222, True),
    ],
)
def test_patterns(patterns: str, host: str, port: int, *, found: bool) -> None:
    assert look_up([line(patterns)], host, port).keys == (frozenset({KEY}) if found else frozenset())


def test_hashed_names_as_ssh_keygen_writes_them(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(line("[web1]:2222") + "\n")
    subprocess.run(["ssh-keygen", "-H", "-f", str(file)], check=False, capture_output=True)
    real = file.read_text().splitlines()
    if not real[0].startswith("|1|"):
        pytest.skip("this ssh-keygen hashes no made-up keys")

    assert look_up(real, "web1", 2222).keys == {KEY}
    assert not look_up(real, "web1", 22).keys


def test_lines_that_make_no_sense_are_passed_over() -> None:
    lines = [
        "",
        "# a comment",
        "web1",
        "web1 ssh-ed25519",
        "web1 ssh-ed25519 !!!",
        "@odd web1 ssh-ed25519 AAAA",
        "|1|x web1 y",
    ]

    assert not look_up(lines, "web1", 22).keys
    assert look_up([*lines, line("web1")], "web1", 22).keys == {KEY}


def refuse(lines: list[str], offered: HostKey) -> str:
    return refusal(offered, look_up(lines, "web1", 22), host="web1", port=22, certificate=None, now=0)


def test_what_is_said_of_a_key() -> None:
    assert refuse([line("web1")], KEY) == ""
    changed = refuse([line("web1")], OTHER)
    assert "has changed" in changed
    assert KEY.fingerprint in changed
    assert OTHER.fingerprint in changed
    assert "not known" in refuse([], KEY)
    assert "a certificate of its authority" in refuse([line("web1", marker="@cert-authority")], KEY)
    assert "revoked" in refuse([line("web1"), line("web1", marker="@revoked")], KEY)


def test_a_pinned_key_has_to_be_one() -> None:
    assert pinned("ssh-ed25519 a2V5 comment").keys == {KEY}
    for nonsense in ("", "ssh-ed25519", "ssh-ed25519 !!!"):
        with pytest.raises(ValueError, match="public key"):
            pinned(nonsense)


def test_the_kinds_we_know_are_asked_for_first() -> None:
    rsa = HostKey("ssh-rsa", b"rsa")

    strange = HostKey("sk-ssh-ed25519@openssh.com", b"sk")
    assert look_up([line("web1", rsa), line("web1", strange)], "web1", 22).kinds() == ["rsa-sha2-512", "rsa-sha2-256"]
    assert look_up([line("web1", marker="@cert-authority")], "web1", 22).kinds()[0].endswith("-cert-v01@openssh.com")
