"""
Frozen dataclasses to JSON-ready data and back.

What a run froze must be readable for ever, so a key that is absent takes the field's default, and a key
nobody knows is an error: it was written by a newer version, and guessing would be worse than stopping.
"""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from core.errors import BelayError

T = TypeVar("T")


class CodecError(BelayError):
    """Stored data does not fit the type it is read as; probably a newer version wrote it."""


def to_data(value: Any, *, prose: bool = True) -> Any:
    """
    Return *value* as dicts, lists, strings, numbers, booleans and None.

    With `prose=False`, fields marked `metadata={"prose": True}` are left out: what is left is what happens.
    """
    if is_dataclass(value) and not isinstance(value, type):
        kept = (f for f in fields(value) if prose or not f.metadata.get("prose"))
        return {f.name: to_data(getattr(value, f.name), prose=prose) for f in kept}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): to_data(item, prose=prose) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(to_data(item, prose=prose) for item in value)
    if isinstance(value, (list, tuple)):
        return [to_data(item, prose=prose) for item in value]
    return value


def from_data(cls: type[T], data: Any, *, where: str = "") -> T:
    """
    Read *data*, as `to_data` wrote it, as a `cls`.

    Raises:
        CodecError: a key is missing or unknown, or a value has the wrong shape; `where` it is stands in front.
    """
    return cast("T", _read(cls, data, where or cls.__name__))


def _read(kind: Any, data: Any, where: str) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return data
    if origin in (Union, types.UnionType):
        return _read_optional(args, data, where)
    if origin in (tuple, frozenset):
        return origin(_read(args[0], item, f"{where}/{i}") for i, item in enumerate(_list(data, where)))
    if origin is not None and issubclass(origin, Mapping):
        return {key: _read(args[1], item, f"{where}/{key}") for key, item in _dict(data, where).items()}
    if is_dataclass(kind):
        return _read_dataclass(cast("type", kind), _dict(data, where), where)
    return _read_scalar(kind, data, where)


def _read_optional(args: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in args:
        return None
    for kind in args:
        if kind is type(None):
            continue
        if is_dataclass(kind) or len(args) <= 2 or isinstance(data, kind):
            return _read(kind, data, where)
    raise CodecError(f"{where}: {data!r} fits none of the types expected")


def _read_dataclass(kind: type, data: Mapping[str, Any], where: str) -> Any:
    known = _shape(kind)
    if unknown := sorted(set(data) - set(known)):
        raise CodecError(f"{where}: unknown key {unknown[0]!r}; a newer version of Belay wrote this")
    for name, (_, needed) in known.items():
        if needed and name not in data:
            raise CodecError(f"{where}: the key {name!r} is missing")
    return kind(**{name: _read(known[name][0], item, f"{where}/{name}") for name, item in data.items()})


@cache
def _shape(kind: type) -> Mapping[str, tuple[Any, bool]]:
    """Return of each field its type and whether it has to be there. Asking each time was half of what reading took."""
    hints = get_type_hints(kind)
    return {f.name: (hints[f.name], f.default is MISSING and f.default_factory is MISSING) for f in fields(kind)}


def _read_scalar(kind: Any, data: Any, where: str) -> Any:
    try:
        if kind is datetime:
            return datetime.fromisoformat(data)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return kind(data)
    except (TypeError, ValueError) as error:
        raise CodecError(f"{where}: {data!r} is not a {kind.__name__}") from error
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is int):
        raise CodecError(f"{where}: {data!r} is not a {kind.__name__}")
    return data


def _dict(data: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise CodecError(f"{where}: should be a mapping, is {type(data).__name__}")
    return data


def _list(data: Any, where: str) -> list[Any]:
    if not isinstance(data, list):
        raise CodecError(f"{where}: should be a list, is {type(data).__name__}")
    return data
