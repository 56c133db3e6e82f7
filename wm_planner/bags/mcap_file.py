"""MCAP read from its beginning to wherever it ends, record by record (https://mcap.dev/spec).

rosbags reads by the index that is written when a bag is closed, and unpacks a chunk whatever its
size; a bag of a recorder that was killed has no index, and a bag from elsewhere may lie.
"""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from wm_planner.bags.message import MAX_MESSAGE, BagError, Message, Topic, checked_topic
from wm_planner.bags.unpack import UnpackError, unpack

MAGIC = b"\x89MCAP0\r\n"
_FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 0x02, 0x03, 0x04, 0x05, 0x06, 0x0F
_READ = (_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK)
_MAX_CHUNK = 2**28  # bytes, unpacked
_MAX_NAMES = 10_000  # channels or schemas
_LONGEST_NOTES = 20


class _Record(NamedTuple):
    kind: int
    content: bytes


class McapFile:
    """Its messages in the order of the file; `notes` tell what could not be read, and where."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        self.whole = False  # it was closed by its recorder
        self._kinds: dict[int, str] = {}
        self._topics: dict[int, Topic] = {}

    def messages(self) -> Iterator[Message]:
        """All that can be read; raises BagError for what is no MCAP at all."""
        self.notes.clear()
        with self.path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise BagError(f"{self.path}: not an MCAP file; expected one that begins so")
            for record in self._records(file, self.path.stat().st_size):
                yield from self._read(record)

    def _records(self, file: BinaryIO, size: int) -> Iterator[_Record]:
        """Of the file, up to its end or to where it cannot be followed any further."""
        while True:
            place = file.tell()
            head = file.read(9)
            if len(head) < 9:
                return self._note(f"ends at byte {place} without being closed: cut short")
            kind, length = head[0], int.from_bytes(head[1:], "little")
            self.whole = kind in (_FOOTER, _DATA_END)
            if self.whole:
                return None
            if place + 9 + length > size:
                return self._note(f"is cut short, or damaged, at byte {place} of {size}")
            if kind not in _READ:
                file.seek(length, 1)
            elif length > _MAX_CHUNK + 1000:
                self._note(f"a record of {length} bytes at byte {place} is not read")
                file.seek(length, 1)
            else:
                yield _Record(kind, file.read(length))

    def _read(self, record: _Record) -> Iterator[Message]:
        try:
            if record.kind == _CHUNK:
                for inner in _inside(_unpacked(record.content)):
                    yield from self._read_one(inner)
            else:
                yield from self._read_one(record)
        except (UnpackError, ValueError, struct.error, UnicodeDecodeError) as error:
            self._note(f"a part is damaged, what it held is lost: {error}")

    def _read_one(self, record: _Record) -> Iterator[Message]:
        content = BytesIO(record.content)
        if record.kind == _SCHEMA:
            (number,) = _numbers(content, "<H")
            self._kinds[number] = _text(content)
        elif record.kind == _CHANNEL:
            number, schema = _numbers(content, "<HH")
            name, encoding = _text(content), _text(content)
            self._add_channel(number, schema, name, encoding)
        elif record.kind == _MESSAGE:
            channel, _, time, _ = _numbers(content, "<HIQQ")
            topic = self._topics.get(channel)
            if topic is not None and len(record.content) <= MAX_MESSAGE:
                yield Message(topic, min(time, 2**63 - 1), content.read())
        if max(len(self._kinds), len(self._topics)) > _MAX_NAMES:
            raise BagError(f"{self.path}: more than {_MAX_NAMES} topics")

    def _add_channel(self, number: int, schema: int, name: str, encoding: str) -> None:
        if encoding != "cdr":
            self._note(f"topic {name[:80]} is encoded as {encoding[:20]!r}, read is cdr")
            return
        self._topics[number] = checked_topic(name, self._kinds.get(schema, ""))

    def _note(self, text: str) -> None:
        if len(self.notes) < _LONGEST_NOTES and text not in self.notes:
            self.notes.append(text)


def _unpacked(chunk: bytes) -> bytes:
    content = BytesIO(chunk)
    _, _, size, crc = _numbers(content, "<QQQI")
    kind = _text(content)
    (packed,) = _numbers(content, "<Q")
    if size > _MAX_CHUNK:
        raise UnpackError(f"a chunk says that it has {size} bytes, at most {_MAX_CHUNK} are read")
    if packed > len(chunk) - content.tell():
        raise UnpackError("a chunk is shorter than it says")
    data = content.read(packed)
    records = unpack(data, kind, size)
    if crc and crc32(records) != crc:
        raise UnpackError("a chunk's checksum is wrong")
    return records


def _inside(records: bytes) -> Iterator[_Record]:
    place, view = 0, memoryview(records)
    while place + 9 <= len(records):
        length = int.from_bytes(view[place + 1 : place + 9], "little")
        if place + 9 + length > len(records):
            raise ValueError("a record in a chunk is longer than the chunk")
        if view[place] in (_SCHEMA, _CHANNEL, _MESSAGE):
            yield _Record(view[place], bytes(view[place + 9 : place + 9 + length]))
        place += 9 + length


def _numbers(content: BytesIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, content.read(struct.calcsize(form)))


def _text(content: BytesIO) -> str:
    (length,) = _numbers(content, "<I")
    if length > 10_000:
        raise ValueError(f"a name has {length} bytes")
    return content.read(length).decode()
