"""
SQL on a data directory: SQLite does the work, this file translates the little of MariaDB's dialect that runbooks and
dumps use. Errors carry MariaDB's number and state, as the client prints them.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time

from sandbox.systems.tools.datadir import Datadir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Rows = tuple[list[str], list[tuple[object, ...]]]

#: Parts of MariaDB's statements that SQLite has no word for, and which change no content.
NOISE = re.compile(
    r"\s+(?:ENGINE|AUTO_INCREMENT|DEFAULT CHARSET|CHARSET|COLLATE|ROW_FORMAT|DEFAULT CHARACTER SET)\s*=?\s*[\w]+"
    r"|\s+AUTO_INCREMENT\b|\s+unsigned\b|\s+CHARACTER SET \w+|\s+COMMENT\s+'[^']*'",
    re.IGNORECASE,
)
HINT = re.compile(r"/\*!\d*\s?(.*?)\*/", re.DOTALL)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
#: What changes nothing here.
IGNORED = re.compile(
    r"(?:SET|LOCK|UNLOCK|FLUSH|BEGIN|COMMIT|START|GRANT|ANALYZE|OPTIMIZE|ALTER DATABASE)\b", re.IGNORECASE
)
WRITES = re.compile(r"\s*(?:INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|REPLACE|TRUNCATE|GRANT|RENAME)\b", re.IGNORECASE)


class SqlError(Exception):
    """As the client prints it: "ERROR 1146 (42S02): Table 'nova.x' doesn't exist"."""


def statements(text: str) -> Iterator[str]:
    """Take a script apart at the semicolons that stand outside quotes; comments are left out."""
    text = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    part, quote = "", ""
    for piece in re.split(r"(['\"`;])", text):
        if piece == ";" and not quote:
            if part.strip():
                yield part.strip()
            part = ""
            continue
        if piece in ("'", '"', "`"):
            quote = "" if piece == quote else quote or piece
        part += piece
    if part.strip():
        yield part.strip()


def writes(statement: str) -> bool:
    return WRITES.match(statement) is not None


class Session:
    """A client's session on *data*; `touched` are the databases it has changed. Close it."""

    def __init__(self, data: Datadir, database: str = "") -> None:
        self.data = data
        self.database = ""
        self.touched: set[str] = set()
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._attached: list[str] = []
        self._functions()
        if database:
            self.use(database)

    def close(self) -> None:
        self._connection.close()

    def use(self, database: str) -> None:
        self._check(database)
        self.database = database
        for name in list(self._attached):  # a name without its database is looked for in the order of attaching
            self._detach(name)

    def run(self, statement: str) -> Rows | None:
        """
        Return columns and rows of what selects, None of what does not.

        Raises:
            SqlError: MariaDB would say so.
        """
        statement = COMMENT.sub("", HINT.sub(r"\1", statement)).strip()
        if not statement or IGNORED.match(statement):
            return None
        if found := re.fullmatch(r"USE\s+`?(\w+)`?", statement, re.IGNORECASE):
            self.use(found[1])
            return None
        if found := re.match(
            r"(CREATE|DROP) (?:DATABASE|SCHEMA)\s+(IF (?:NOT )?EXISTS)?\s*`?(\w+)`?", statement, re.IGNORECASE
        ):
            self._database(found[1].upper(), found[3], quiet=bool(found[2]))
            return None
        return self._execute(self._translated(statement))

    def _database(self, verb: str, name: str, *, quiet: bool) -> None:
        there = name in self.data.databases()
        if verb == "CREATE" and there and not quiet:
            raise SqlError(f"ERROR 1007 (HY000): Can't create database '{name}'; database exists")
        if verb == "DROP" and not there and not quiet:
            raise SqlError(f"ERROR 1008 (HY000): Can't drop database '{name}'; database doesn't exist")
        self._detach(name)
        if verb == "CREATE" and not there:
            os.makedirs(f"{self.data.path}/{name}", exist_ok=True)
            sqlite3.connect(self.data.file(name)).close()
            with open(self.data.file(name), "a"):
                pass
        elif verb == "DROP" and there:
            self.data.drop(name)
        self.touched.add(name)

    def _translated(self, statement: str) -> str:
        statement = statement.replace("\\'", "''").replace("\\\\", "\\")
        if re.match(r"CREATE TABLE|ALTER TABLE", statement, re.IGNORECASE):
            statement = re.sub(r",\s*(?:UNIQUE )?KEY `\w+` \([^)]*\)", "", NOISE.sub("", statement))
        statement = re.sub(r"^TRUNCATE (?:TABLE )?", "DELETE FROM ", statement, flags=re.IGNORECASE)
        statement = re.sub(r"^INSERT IGNORE", "INSERT OR IGNORE", statement, flags=re.IGNORECASE)
        if self.database:  # SQLite would make it in its own, empty one
            made = r"^(CREATE TABLE (?:IF NOT EXISTS )?)(`?\w+`?\s*\()"
            statement = re.sub(made, rf"\1`{self.database}`.\2", statement, flags=re.IGNORECASE)
        return statement

    def _execute(self, statement: str) -> Rows | None:
        named = set(re.findall(r"`?(\w+)`?\s*\.\s*`?\w", statement))
        self._attach(self.database)
        for name in self.data.databases():
            if name in named:
                self._attach(name)
        if "information_schema" in statement.lower():
            self._information_schema()
        try:
            cursor = self._connection.execute(statement)
        except sqlite3.Error as error:
            raise self._error(str(error)) from error
        if writes(statement):
            self.touched |= (named & set(self.data.databases())) or {self.database}
        if cursor.description is None:
            return None
        return [column[0] for column in cursor.description], cursor.fetchall()

    def _check(self, database: str) -> None:
        if database not in self.data.databases():
            raise SqlError(f"ERROR 1049 (42000): Unknown database '{database}'")

    def _attach(self, name: str) -> None:
        if name and name not in self._attached:
            if len(self._attached) >= 9:  # SQLite attaches ten
                self._detach(self._attached[-1])
            self._check(name)
            self._connection.execute(f"ATTACH ? AS `{name}`", (self.data.file(name),))
            self._connection.execute(f"PRAGMA `{name}`.synchronous = OFF")
            self._connection.execute(f"PRAGMA `{name}`.journal_mode = MEMORY")
            self._attached.append(name)

    def _detach(self, name: str) -> None:
        if name in self._attached:
            self._connection.execute(f"DETACH `{name}`")
            self._attached.remove(name)

    def _error(self, text: str) -> SqlError:
        if found := re.fullmatch(r"no such table: (?:(\w+)\.)?(\w+)", text):
            return SqlError(f"ERROR 1146 (42S02): Table '{found[1] or self.database}.{found[2]}' doesn't exist")
        if found := re.fullmatch(r"no such column: (.+)", text):
            return SqlError(f"ERROR 1054 (42S22): Unknown column '{found[1]}' in 'field list'")
        if found := re.fullmatch(r"table `?(\w+)`? already exists", text):
            return SqlError(f"ERROR 1050 (42S01): Table '{found[1]}' already exists")
        if "UNIQUE constraint failed" in text:
            return SqlError(f"ERROR 1062 (23000): Duplicate entry ({text})")
        return SqlError(f"ERROR 1064 (42000): You have an error in your SQL syntax; {text}")

    def _functions(self) -> None:
        def now() -> str:
            return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())

        make = self._connection.create_function
        make("NOW", 0, now)
        make("UTC_TIMESTAMP", 0, now)
        make("UNIX_TIMESTAMP", 0, lambda: int(time.time()))
        make("CONCAT", -1, lambda *words: "".join(map(str, words)))
        make("DATABASE", 0, lambda: self.database or None)

    def _information_schema(self) -> None:
        """Make the tables runbooks read of it, anew for each statement."""
        run = self._connection.execute
        if any(row[1] == "information_schema" for row in run("PRAGMA database_list")):
            run("DETACH information_schema")
        run("ATTACH ':memory:' AS information_schema")
        run("CREATE TABLE information_schema.schemata (catalog_name, schema_name)")
        run("CREATE TABLE information_schema.tables (table_schema, table_name, table_type, table_rows, engine)")
        run(
            "CREATE TABLE information_schema.columns "
            "(table_schema, table_name, column_name, ordinal_position, column_type)"
        )
        for name in ("information_schema", *self.data.databases()):
            run("INSERT INTO information_schema.schemata VALUES ('def', ?)", (name,))
        for name in self.data.databases():
            for table, columns, count in tables_of(self.data, name):
                row = (name, table, "BASE TABLE", count, "InnoDB")
                run("INSERT INTO information_schema.tables VALUES (?, ?, ?, ?, ?)", row)
                for place, (column, kind) in enumerate(columns, 1):
                    row = (name, table, column, place, kind)
                    run("INSERT INTO information_schema.columns VALUES (?, ?, ?, ?, ?)", row)


def tables_of(data: Datadir, database: str) -> list[tuple[str, list[tuple[str, str]], int]]:
    """Return each table's name, its columns (name, type) and its number of rows, in the order of names."""
    connection = sqlite3.connect(data.file(database))
    try:
        names = [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")
        ]
        found = []
        for name in names:
            columns = [(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info(`{name}`)")]
            count = connection.execute(f"SELECT count(*) FROM `{name}`").fetchone()[0]
            found.append((name, columns, count))
    finally:
        connection.close()
    return found
