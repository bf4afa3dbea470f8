"""Output as it comes: text from bytes, and a bounded memory of it."""

import codecs

from core.action import HEAD_BYTES, TAIL_BYTES, Output


class Decoder:
    """
    UTF-8 text from bytes cut anywhere. What is not UTF-8 shows as U+FFFD; NUL and other controls but tab,
    newline and carriage return too, because no chat and no JSON store takes them.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes, *, final: bool = False) -> str:
        return self._decoder.decode(data, final).translate(_CONTROLS)


_CONTROLS = {code: "�" for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n\r\x1b"}


class Bounded:
    """Keeps the first `head` and the last `tail` bytes of a text, cut between characters."""

    def __init__(self, head: int = HEAD_BYTES, tail: int = TAIL_BYTES) -> None:
        self._head_room = head
        self._tail_room = tail
        self._head = bytearray()
        self._tail = bytearray()
        self._size = 0

    def add(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        self._size += len(data)
        room = self._head_room - len(self._head)
        self._head += data[:room]
        self._tail += data[max(0, room) :]
        if len(self._tail) > 2 * self._tail_room:  # cut seldom: each cut copies
            del self._tail[: -self._tail_room]

    def output(self) -> Output:
        """Return what is kept. `size` counts the bytes of the text as shown, redaction included."""
        tail = bytes(self._tail[-self._tail_room :]) if self._tail_room else b""
        if len(self._head) + len(tail) == self._size:
            return Output(head=(bytes(self._head) + tail).decode("utf-8", "replace"), size=self._size)
        head = _whole_characters_at_end(bytes(self._head))
        tail = _whole_characters_at_start(tail)
        return Output(
            head=head.decode("utf-8", "replace"),
            tail=tail.decode("utf-8", "replace"),
            left_out=self._size - len(head) - len(tail),
            size=self._size,
        )


def _is_continuation(byte: int) -> bool:
    return byte & 0xC0 == 0x80


def _whole_characters_at_start(data: bytes) -> bytes:
    start = 0
    while start < len(data) and _is_continuation(data[start]):
        start += 1
    return data[start:]


def _whole_characters_at_end(data: bytes) -> bytes:
    cut = len(data)
    while cut and _is_continuation(data[cut - 1]):
        cut -= 1
    if not cut:
        return data
    try:
        data[cut - 1 :].decode("utf-8")
    except UnicodeDecodeError:
        return data[: cut - 1]
    return data
