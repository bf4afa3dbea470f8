"""Column types that mean the same on SQLite and on PostgreSQL."""

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

#: PostgreSQL stores neither, SQLite no lone surrogate; hosts print both.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def utc(at: datetime) -> datetime:
    """
    Return *at* in UTC.

    Raises:
        ValueError: *at* has no time zone; storing it would be guessing.
    """
    if at.tzinfo is None:
        raise ValueError(f"expected a time with a zone, got {at.isoformat()}")
    return at.astimezone(UTC)


def iso(at: datetime) -> str:
    """Return *at* as text of fixed width in UTC, so that the order of texts is the order of times."""
    return utc(at).isoformat(timespec="microseconds")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime: `timestamptz` on PostgreSQL, `iso` text on SQLite, which has no type for it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return iso(value) if dialect.name == "sqlite" else utc(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return utc(datetime.fromisoformat(value) if isinstance(value, str) else value)


class Words(TypeDecorator[str]):
    """Text that people or hosts wrote. What a database cannot store is replaced by U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(value)


def clean(text: str) -> str:
    return _UNSTORABLE.sub("\ufffd", text)
