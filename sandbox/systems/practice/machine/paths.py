"""Where things lie on a practice host. This file is at HOST/lib/machine/paths.py."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "run"
LOG = ROOT / "log"
CURRENT = ROOT / "current"
RELEASES = ROOT / "releases"
SERVICES = ROOT / "etc" / "svc"

DATABASE = ROOT / "var" / "db" / "nova.sqlite"
BACKUPS = ROOT / "var" / "backups"  #: where a dump lies whose name has no folder
DATABASE_LOCK = RUN / "db.lock"
DOOR = RUN / "db.door-closed"  #: while it exists, the database server turns everybody away


def host_settings() -> dict[str, Any]:
    """Return etc/host.json: name, role, ports by service, the database's URL."""
    settings: dict[str, Any] = json.loads((ROOT / "etc" / "host.json").read_text())
    return settings
