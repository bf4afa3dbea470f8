"""One digest of what will happen: the same for the same deeds, another for any other."""

import hashlib
import json
from typing import Any

from core.codec import to_data


def canonical(value: Any) -> str:
    """Return *value*'s deeds as JSON with sorted keys: no prose, no white space, no order of keys."""
    return json.dumps(
        to_data(value, prose=False),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def digest(value: Any) -> str:
    """Return the SHA-256 of `canonical(value)` as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def short(full: str) -> str:
    """Return the first 8 characters: what people compare by eye."""
    return full[:8]
