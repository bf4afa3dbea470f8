"""Debian's Chromium, for tests that drive a page; Playwright never downloads one."""

import shutil

from tests.needs import missing

#: Quiet and closed: no lookups of its own at start, no GPU, no sandbox (tests may run as root).
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """Return the browser's path; without one skip the test, or fail it in CI."""
    found = shutil.which("chromium")
    if found is None:
        missing("Debian's chromium is not installed: `make debs` as root installs it")
    return found
