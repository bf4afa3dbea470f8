"""
Whether a host is who it says: pinned keys, known_hosts files, certificates of a named authority. Pure.

fabric accepts unknown keys as it comes, and paramiko reads neither wildcards nor markers nor certificate
authorities in known_hosts; so both are told to ask here. The format is that of sshd(8), SSH_KNOWN_HOSTS FILE
FORMAT.
"""

import base64
import binascii
import fnmatch
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)


@dataclass(frozen=True, slots=True, order=True)
class HostKey:
    kind: str  #: "ssh-ed25519"
    blob: bytes

    @property
    def fingerprint(self) -> str:
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")
        return f"{self.kind} SHA256:{digest}"

    @classmethod
    def parse(cls, text: str) -> "HostKey":
        """
        Raises:
            ValueError: it is not "TYPE BASE64 [comment]".
        """
        words = text.split()
        if len(words) < 2:
            raise ValueError(f"expected a public key 'TYPE BASE64', got {text!r}")
        try:
            return cls(words[0], base64.b64decode(words[1], validate=True))
        except binascii.Error as error:
            raise ValueError(f"the base64 of the public key {text[:40]!r} is broken: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known about one host before it has said anything."""

    keys: frozenset[HostKey] = frozenset()
    authorities: frozenset[HostKey] = frozenset()
    revoked: frozenset[HostKey] = frozenset()
    source: str = "known_hosts"

    def kinds(self) -> list[str]:
        """Return the kinds of key to ask the host for first."""
        plain = sorted({key.kind for key in self.keys})
        algorithms = [a for kind in plain for a in _ALGORITHMS.get(kind, ())]
        if self.authorities:
            algorithms += [f"{a}-cert-v01@openssh.com" for kind in _ALGORITHMS for a in _ALGORITHMS[kind]]
        return algorithms


_ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}


def pinned(text: str) -> Known:
    """
    Raises:
        ValueError: *text* is no public key.
    """
    return Known(keys=frozenset({HostKey.parse(text)}), source="the pinned host_key")


def look_up(lines: Iterable[str], host: str, port: int, *, source: str = "known_hosts") -> Known:
    """Return what *lines* of known_hosts say about *host* at *port*. Lines that make no sense are passed over."""
    name = host if port == 22 else f"[{host}]:{port}"
    found: dict[str, set[HostKey]] = {"": set(), "@cert-authority": set(), "@revoked": set()}
    for line in lines:
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or marker not in found:
            continue
        # An authority is commonly named for the host alone, whatever the port.
        if not _matches(words[0], name) and not (marker and _matches(words[0], host)):
            continue
        try:
            found[marker].add(HostKey.parse(" ".join(words[1:3])))
        except ValueError:
            continue
    return Known(
        keys=frozenset(found[""]),
        authorities=frozenset(found["@cert-authority"]),
        revoked=frozenset(found["@revoked"]),
        source=source,
    )


def _matches(patterns: str, name: str) -> bool:
    if patterns.startswith("|1|"):
        return _hash_matches(patterns, name)
    matched = False
    for pattern in patterns.lower().split(","):
        # "[host]:port" is literal there, a set of letters to fnmatch
        if fnmatch.fnmatchcase(name.lower(), pattern.removeprefix("!").replace("[", "[[]")):
            if pattern.startswith("!"):
                return False
            matched = True
    return matched


def _hash_matches(hashed: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part) for part in hashed.split("|")[2:4])
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)


def refusal(offered: HostKey, known: Known, *, host: str, port: int, certificate: bytes | None, now: float) -> str:
    """Say why the key *offered* is not accepted, and what to do; "" if it is. *now* is Unix time."""
    place = f"{host}:{port}"
    if offered in known.revoked:
        return f"the host key of {place}, {offered.fingerprint}, is revoked in {known.source}; do not connect to it"
    if offered in known.keys:
        return ""
    if certificate and known.authorities:
        problem = certificate_problem(certificate, known, host=host, now=now)
        return problem and f"the host certificate of {place} was not accepted: {problem}"
    if known.keys:
        expected = " or ".join(sorted(key.fingerprint for key in known.keys))
        return (
            f"the host key of {place} has changed: expected {expected} ({known.source}), came {offered.fingerprint}. "
            "If the host was reinstalled, check the new fingerprint on its console and replace the old key; "
            "if not, somebody may sit in between"
        )
    expected = "a certificate of its authority" if known.authorities else "a known key"
    return (
        f"the host key of {place} is not known: expected {expected} ({known.source}), came {offered.fingerprint}. "
        "Check this fingerprint on the host's console, then add the key to known_hosts "
        "or as host_key in the inventory"
    )


def certificate_problem(certificate: bytes, known: Known, *, host: str, now: float) -> str:
    """Say what is wrong with an OpenSSH host certificate (its blob); "" if it is good for *host*."""
    kind_length = int.from_bytes(certificate[:4], "big")
    line = certificate[4 : 4 + kind_length] + b" " + base64.b64encode(certificate)
    try:
        cert = load_ssh_public_identity(line)
    except ValueError as error:
        return f"it cannot be read ({error})"
    if not isinstance(cert, SSHCertificate) or cert.type is not SSHCertificateType.HOST:
        return "it is not a host's certificate"
    try:
        cert.verify_cert_signature()
    except InvalidSignature:
        return "its signature is wrong"
    signer = HostKey.parse(_public_line(cert))
    if signer not in known.authorities or signer in known.revoked:
        return f"it is signed by {signer.fingerprint}, which is no authority for this host in {known.source}"
    if not cert.valid_after <= now < cert.valid_before:
        return "it is not valid now; look at its dates and at the clocks"
    principals = [principal.decode("utf-8", "replace") for principal in cert.valid_principals]
    if not principals or not any(_matches(principal, host) for principal in principals):
        return f"it is made out to {', '.join(principals) or 'nobody'}, not to {host}"
    return "it has critical options nobody here knows" if cert.critical_options else ""


def _public_line(cert: SSHCertificate) -> str:
    return cert.signature_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
