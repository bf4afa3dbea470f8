"""Ids that look like Slack's. The ids of a world follow from its names, so that they survive a restart."""

import base64
import hashlib
import secrets
import time


def stable_id(prefix: str, *words: str) -> str:
    """An id such as "U07K3QXW2MA": *prefix* and ten characters that follow from *words*."""
    digest = hashlib.sha256("\0".join((prefix, *words)).encode()).digest()
    return f"{prefix}0{base64.b32encode(digest).decode()[:9]}"


def fresh_id(prefix: str) -> str:
    """An id never used before, for what comes into being while the workspace runs."""
    return f"{prefix}0{base64.b32encode(secrets.token_bytes(8)).decode()[:9]}"


class Stamps:
    """Timestamps as Slack writes them ("1503435956.000247"): seconds and microseconds, never the same twice."""

    def __init__(self) -> None:
        self._last_us = 0

    def next(self) -> str:
        self._last_us = max(self._last_us + 1, time.time_ns() // 1000)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"
