"""A recording as one stream of messages in the order they arrived, whatever its files are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from wm_planner.bags.mcap_file import McapFile
from wm_planner.bags.message import BagError, Message, Topic
from wm_planner.bags.sqlite_file import SqliteFile

_READERS: dict[str, type[McapFile] | type[SqliteFile]] = {".mcap": McapFile, ".db3": SqliteFile}
_MAX_SORTED = 2**31  # bytes of messages that are put in order in memory
_MAX_MESSAGES = 10**8


class Bag:
    """A folder that `ros2 bag` or `wm_planner record` wrote, or one file of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files = [_READERS[file.suffix](file) for file in _files(path)]
        self.counts: Counter[Topic] = Counter()
        self.notes: list[str] = []
        self._look()

    def topics(self, name: str) -> list[Topic]:
        """Those of a name, one for each type of message that was sent."""
        return [topic for topic in self.counts if topic.name == name]

    def messages(self, topics: Collection[Topic]) -> Iterator[Message]:
        """Of some topics, by the time they arrived."""
        found = (message for message in self._in_file_order() if message.topic in topics)
        return found if self._ordered else iter(self._sorted(found))

    def _look(self) -> None:
        """Go through it once: what it holds, and whether it is in order."""
        latest, disordered = 0, Counter[str]()
        for message in self._in_file_order():
            self.counts[message.topic] += 1
            disordered[message.topic.name] += message.time < latest
            latest = max(latest, message.time)
            if self.counts.total() > _MAX_MESSAGES:
                raise BagError(f"{self.path}: more than {_MAX_MESSAGES} messages; split it")
        for file in self._files:
            self.notes += [f"{file.path.name} {note}" for note in file.notes]
        self._ordered = not any(disordered.values())
        if not self._ordered:
            told = ", ".join(f"{n} of {name}" for name, n in disordered.most_common(3) if n)
            self.notes.append(f"not in the order of arrival ({told}): sorted by it")

    def _in_file_order(self) -> Iterator[Message]:
        for file in self._files:
            yield from file.messages()

    def _sorted(self, messages: Iterator[Message]) -> list[Message]:
        kept: list[Message] = []
        size = 0
        for message in messages:
            size += len(message.data)
            if size > _MAX_SORTED:
                raise BagError(
                    f"{self.path}: not in the order of arrival, and too large to be sorted in "
                    f"{_MAX_SORTED // 2**20} MiB of memory; `ros2 bag convert` sorts it"
                )
            kept.append(message)
        return sorted(kept, key=lambda message: message.time)


def _files(path: Path) -> list[Path]:
    """In the order they were written: by the number in their names."""
    if not path.exists():
        raise BagError(f"{path}: no such bag")
    files = [path] if path.is_file() else [file for file in path.iterdir() if file.is_file()]
    found = [file for file in files if file.suffix in _READERS]
    if not found:
        names = sorted(file.name for file in files)[:5]
        packed = any(name.endswith(".zstd") for name in names)
        way_out = "unpack it with `zstd -d`" if packed else "name a folder or file of a bag"
        raise BagError(f"{path}: holds no .mcap or .db3 file, but {names}; {way_out}")
    if len({file.suffix for file in found}) > 1:
        raise BagError(f"{path}: holds both .mcap and .db3 files; name one of them")
    return sorted(found, key=lambda file: [*map(int, re.findall(r"\d+", file.stem)), 0])
