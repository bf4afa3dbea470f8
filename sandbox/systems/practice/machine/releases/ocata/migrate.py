"""
From Newton's schema (334) to Ocata's (347): sizes move from instances into flavors.

It is wrong, and that is the story: whole GiB by integer division lose every instance below 1 GiB its flavor and
round the others down. What was there cannot be computed back from what it leaves; only the snapshot knows it.
"""

import sqlite3

STATEMENTS = (
    "CREATE TABLE flavors (id INTEGER PRIMARY KEY, vcpus INTEGER, memory_gb INTEGER, UNIQUE (vcpus, memory_gb))",
    """INSERT INTO flavors (vcpus, memory_gb)
       SELECT DISTINCT vcpus, memory_mb / 1024 FROM instances WHERE memory_mb / 1024 > 0 ORDER BY 1, 2""",
    "CREATE TABLE instances_new (id INTEGER PRIMARY KEY, name TEXT, project TEXT, flavor_id INTEGER)",
    """INSERT INTO instances_new SELECT instances.id, name, project, flavors.id FROM instances
       LEFT JOIN flavors ON flavors.vcpus = instances.vcpus AND flavors.memory_gb = instances.memory_mb / 1024""",
    "DROP TABLE instances",
    "ALTER TABLE instances_new RENAME TO instances",
    "UPDATE schema_version SET version = 347",
)


def migrate(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.OperationalError where the schema is not Newton's."""
    for statement in STATEMENTS:
        connection.execute(statement)
