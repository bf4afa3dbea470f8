"""
`mysql` (and `mariadb`): the client, for what runbooks ask and load. SQL from `-e` or from stdin; columns as the real
one prints them (tabs where the output is no terminal), errors with number and state, exit status 1.
"""

from __future__ import annotations

import fnmatch
import os
import re
import sys

from sandbox.systems.tools import datadir, galera, sql
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine

TAKES_VALUE = (
    *("-e", "--execute", "-u", "--user", "-h", "--host", "-P", "--port", "-S", "--socket", "-D", "--database"),
    *("--defaults-file", "--defaults-extra-file", "--protocol", "--connect-timeout", "--connect_timeout"),
)
NO_SERVER = "ERROR 2002 (HY000): Can't connect to local server through socket '/var/lib/mysql/mysql.sock' (2)"
NO_HOST = "ERROR 2002 (HY000): Can't connect to server on '{}' (115)"
NOT_READY = "ERROR 1047 (08S01): WSREP has not yet prepared node for application use"


def connect(machine: Machine, words: Words) -> Machine:
    """
    Return the host whose server the client talks to.

    Raises:
        SaysNoError: there is none, it does not answer, or the password is wrong.
    """
    address = words.one("-h", "--host")
    server = galera.member_for(machine, address)
    said = galera.status(server)
    if not said or said["wsrep_local_state_comment"] == "Joiner":
        raise SaysNoError(NO_HOST.format(address) if address else NO_SERVER)
    wanted = machine.shared("galera").read().get("password", "")
    if wanted and _password(machine, words) != wanted:
        user = words.one("-u", "--user", default="root")
        using = "YES" if _password(machine, words) else "NO"
        raise SaysNoError(f"ERROR 1045 (28000): Access denied for user '{user}'@'localhost' (using password: {using})")
    return server


def _password(machine: Machine, words: Words) -> str:
    """From the command line, the environment, or the file that was named; else from /root/.my.cnf."""
    for name in ("-p", "--password"):
        if given := words.one(name):
            return given
    if found := os.environ.get("MYSQL_PWD"):
        return found
    path = words.one("--defaults-file", "--defaults-extra-file", default="/root/.my.cnf")
    found_in = re.search(r"^\s*password\s*=\s*[\"']?([^\"'\n]*)", machine.read(path), re.MULTILINE)
    return found_in[1].strip() if found_in else ""


def main(machine: Machine, argv: list[str]) -> int:
    sticking = [f"--password={word[2:]}" if word.startswith("-p") and len(word) > 2 else word for word in argv]
    words = Words(sticking, TAKES_VALUE)
    if words.has("-V", "--version"):
        print(f"mysql  Ver 15.1 Distrib {galera.engine_of(machine)}, for Linux (x86_64) using readline 5.1")
        return 0
    server = connect(machine, words)
    script = "\n".join(words.all("-e", "--execute")) or sys.stdin.read()
    Client(machine, server, words).play(script, (words.rest or [words.one("-D", "--database")])[0])
    return 0


class Client:
    """One run of the client against one server."""

    def __init__(self, machine: Machine, server: Machine, words: Words) -> None:
        self.machine = machine
        self.server = server
        self.bare = words.has("-N", "--skip-column-names")
        self.vertical = words.has("-E", "--vertical")
        self.force = words.has("-f", "--force")
        self._status = galera.status(server)

    def play(self, script: str, database: str) -> None:
        """
        Raises:
            SaysNoError: a statement failed; those before it have had their effect.
        """
        statements = list(sql.statements(script))
        if any(sql.writes(statement) for statement in statements):
            if len(statements) > 20:
                self.machine.linger("loading")
            with self.server.shared("galera") as cluster:
                session = sql.Session(galera.datadir(self.server), database)
                try:
                    self._all(session, statements)
                finally:
                    session.close()
                    if session.touched:
                        galera.replicate(self.server, cluster, session.touched)
        else:
            session = self._session(database)
            try:
                self._all(session, statements)
            finally:
                session.close()

    def _session(self, database: str) -> sql.Session:
        try:
            return sql.Session(galera.datadir(self.server), database)
        except sql.SqlError as error:
            raise SaysNoError(str(error)) from error

    def _all(self, session: sql.Session, statements: list[str]) -> None:
        for number, statement in enumerate(statements, 1):
            try:
                self._one(session, statement)
            except sql.SqlError as error:
                text = str(error).replace(": ", f" at line {number}: ", 1)
                if not self.force:
                    raise SaysNoError(text) from error
                print(text, file=sys.stderr)

    def _one(self, session: sql.Session, statement: str) -> None:
        if re.match(r"SET\s+GLOBAL\s+wsrep_provider_options\s*=\s*['\"]pc\.bootstrap", statement, re.IGNORECASE):
            galera.make_primary(self.server)
            return
        if rows := self._server_says(statement, session):
            self._print(rows)
            return
        if self._status["wsrep_ready"] != "ON" and not re.match(r"(?:SET|SHOW)\b", statement, re.IGNORECASE):
            raise sql.SqlError(NOT_READY)
        if found := session.run(statement):
            self._print(found)

    def _server_says(self, statement: str, session: sql.Session) -> sql.Rows | None:
        """Return what the server knows of itself: SHOW …, SELECT @@x, VERSION()."""
        if found := re.match(
            r"SHOW\s+(?:GLOBAL\s+|SESSION\s+)?(STATUS|VARIABLES)\b(.*)", statement, re.IGNORECASE | re.DOTALL
        ):
            known = self._status if found[1].upper() == "STATUS" else self._variables()
            return ["Variable_name", "Value"], [(name, known[name]) for name in _chosen(known, found[2])]
        if re.match(r"SHOW\s+(?:DATABASES|SCHEMAS)", statement, re.IGNORECASE):
            names = sorted(["information_schema", *session.data.databases()])
            return ["Database"], [(name,) for name in names]
        if found := re.match(r"SHOW\s+TABLES(?:\s+(?:FROM|IN)\s+`?(\w+)`?)?", statement, re.IGNORECASE):
            database = found[1] or session.database
            return [f"Tables_in_{database}"], [(table[0],) for table in sql.tables_of(session.data, database)]
        if re.match(r"SELECT\s+(?:@@(?:global\.)?version\b|VERSION\(\))", statement, re.IGNORECASE):
            return ["VERSION()"], [(galera.engine_of(self.server),)]
        if found := re.fullmatch(r"SELECT\s+@@(?:GLOBAL\.)?(\w+)", statement, re.IGNORECASE):
            name = found[1].lower()
            if name not in self._variables():
                raise sql.SqlError(f"ERROR 1193 (HY000): Unknown system variable '{name}'")
            return [f"@@{name}"], [(self._variables()[name],)]
        return None

    def _variables(self) -> dict[str, str]:
        return {
            "datadir": f"{self.server.shared('galera').read().get('datadir', datadir.DATADIR)}/",
            "hostname": self.server.name,
            "read_only": "OFF",
            "version": galera.engine_of(self.server),
            "wsrep_cluster_name": "openstack",
            "wsrep_on": "ON",
        }

    def _print(self, rows: sql.Rows) -> None:
        columns, found = rows
        if self.vertical:
            for number, row in enumerate(found, 1):
                print(f"*************************** {number}. row ***************************")
                for column, value in zip(columns, row, strict=True):
                    print(f"{column:>20}: {_shown(value)}")
            return
        if found and not self.bare:
            print("\t".join(columns))
        for row in found:
            print("\t".join(map(_shown, row)))


def _shown(value: object) -> str:
    return "NULL" if value is None else str(value)


def _chosen(known: dict[str, str], rest: str) -> list[str]:
    """Return the names a LIKE or a WHERE picks; a WHERE may name several."""
    if found := re.search(r"LIKE\s+['\"]([^'\"]+)['\"]", rest, re.IGNORECASE):
        pattern = found[1].lower().replace("\\_", "_").replace("%", "*")
        return [name for name in known if fnmatch.fnmatch(name, pattern)]
    wanted = re.findall(r"['\"](\w+)['\"]", rest)
    return [name for name in known if not wanted or name in wanted]
