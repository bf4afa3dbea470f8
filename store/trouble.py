"""What a driver's error means to the caller: write again later, decide again, or a bug."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from core.errors import BelayError, ConflictError, StoreUnavailableError

#: SQLite's name of the error (its beginning) -> what is wrong, what to do now. `{place}` is the file.
_SQLITE = {
    "SQLITE_READONLY": "the database file {place} cannot be written: make it and its directory writable for this user",
    "SQLITE_FULL": "the disk of the database file {place} is full: free some space",
    "SQLITE_CANTOPEN": "the database file {place} cannot be opened: check that its directory exists and is writable",
    "SQLITE_BUSY": "the database file {place} is locked by another program: end what holds it open",
    "SQLITE_IOERR": "the disk of the database file {place} fails or is full: check it",
    "SQLITE_CORRUPT": "the database file {place} is damaged: stop, keep it, and restore it from a backup",
    "SQLITE_NOTADB": "{place} is not a database: check the database URL",
}

#: PostgreSQL's SQLSTATE (its beginning) -> the same.
_POSTGRES = {
    "08": "the connection to the database {place} was lost",
    "25006": "the database {place} is read-only (a standby?): point Belay at the primary",
    "25P0": "the database {place} ended the transaction because it idled too long: this process was frozen or starved",
    "28": "the database {place} refused the user or the password: check the database URL",
    "3D": "the database {place} does not exist: create it",
    "42501": "the database user may not do this in {place}: grant it the rights",
    "53100": "the disk of the database {place} is full: free some space",
    "53": "the database {place} is out of connections or memory: raise its limits",
    "55P03": "another writer holds the database {place} for too long: look for a frozen replica",
    "57014": "the database {place} took too long: look at its load",
    "57": "the database {place} is stopping or starting",
    "58": "the database {place} met a fault of its disk: check its server",
    "XX": "the database {place} met an internal fault: check its server",
}

_LOST_A_RACE = ("40001", "40P01")
_UNIQUE = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE", "23505")


@contextmanager
def said_plainly(place: str) -> Iterator[None]:
    """
    Raises:
        ConflictError: somebody else wrote first.
        StoreUnavailableError: the database at *place* cannot be used now; nothing was written.
    """
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as error:
        plain = plain_error(error, place)
        if plain is None:
            raise
        raise plain from error


def plain_error(error: Exception, place: str) -> BelayError | None:
    """Return what *error* means, or None if it is a bug of ours."""
    if isinstance(error, PoolTimeoutError):
        return _unavailable(f"no connection to the database {place} came free", error)
    if not isinstance(error, DBAPIError) or error.orig is None:
        return None
    code = _code(error.orig)
    if code in _LOST_A_RACE or (isinstance(error, IntegrityError) and code in _UNIQUE):
        return ConflictError("somebody else wrote the same at the same moment; load it again")
    return _known(code, place, error)


def _known(code: str, place: str, error: DBAPIError) -> BelayError | None:
    for beginning, text in {**_SQLITE, **_POSTGRES}.items():
        if code.startswith(beginning):
            return _unavailable(text.format(place=place), error.orig)
    if not code and error.connection_invalidated:
        return _unavailable(f"the connection to the database {place} was lost", error.orig)
    if not code and type(error).__name__ in ("OperationalError", "InterfaceError"):
        return _unavailable(f"the database {place} cannot be reached: check that it runs", error.orig)
    return None


def _unavailable(text: str, cause: BaseException | None) -> StoreUnavailableError:
    said = str(cause).strip().splitlines() if cause else []
    return StoreUnavailableError(f"{text}; nothing was recorded{f' ({said[0]})' if said else ''}")


def _code(orig: BaseException) -> str:
    """Return SQLite's name of the error, or PostgreSQL's SQLSTATE, or ""; adapters keep the driver's error inside."""
    seen: BaseException | None = orig
    while seen is not None:
        code = getattr(seen, "sqlite_errorname", None) or getattr(seen, "sqlstate", None)
        if code:
            return str(code)
        seen = seen.__cause__
    return ""
