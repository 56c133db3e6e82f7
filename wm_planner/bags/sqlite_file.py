"""A rosbag2 in SQLite, read only; a database can hold programs too, and none of them is run."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from wm_planner.bags.message import MAX_MESSAGE, BagError, Message, Topic, checked_topic
from wm_planner.bags.unpack import ZSTD_MAGIC, UnpackError, unpack

_TABLES = {"topics": ("id", "name", "type", "serialization_format"),
           "messages": ("id", "topic_id", "timestamp", "data")}  # fmt: skip
_STEPS = 100_000  # of SQLite's machine between two looks at the clock
_PATIENCE = 600.0  # s until a row must come


class SqliteFile:
    """Its messages in the order they were written; `notes` tell what could not be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        self.whole = False

    def messages(self) -> Iterator[Message]:
        """All that can be read; raises BagError for what is no bag at all."""
        self.notes.clear()
        self.whole = False
        try:
            with closing(self._open()) as database:
                self._check(database)
                topics = self._topics(database)
                yield from self._messages(database, topics)
        except (sqlite3.Error, ValueError, ArithmeticError) as error:
            if "not a database" in str(error):
                raise BagError(f"{self.path}: not an SQLite bag: {error}") from error
            self._note(f"is damaged, what follows is lost: {error}")
        else:
            self.whole = True

    def _open(self) -> sqlite3.Connection:
        beside = self.path.with_name(f"{self.path.name}-wal")  # of a recorder that was killed
        how = "mode=ro" if beside.exists() else "mode=ro&immutable=1"
        database = sqlite3.connect(f"file:{quote(str(self.path.resolve()))}?{how}", uri=True)
        database.text_factory = lambda data: data.decode(errors="replace")
        database.execute("PRAGMA trusted_schema = OFF")
        self._awaited = time.monotonic()
        database.set_progress_handler(
            lambda: int(time.monotonic() - self._awaited > _PATIENCE), _STEPS
        )
        return database

    def _check(self, database: sqlite3.Connection) -> None:
        """Topics and messages are plain tables: a view could compute for ever."""
        for table, columns in _TABLES.items():
            found = database.execute(
                "SELECT type, sql FROM sqlite_master WHERE name = ?", (table,)
            ).fetchall()
            kinds = [kind for kind, _ in found]
            if kinds != ["table"] or "virtual" in str(found[0][1]).lower():
                raise BagError(f"{self.path}: no bag: {table} is {kinds or 'not there'}")
            rows = database.execute(f"PRAGMA table_xinfo({table})").fetchall()
            stored = {row[1] for row in rows if row[6] == 0}  # not computed
            if missing := [name for name in columns if name not in stored]:
                raise BagError(f"{self.path}: no bag: {table} lacks {missing}")

    def _topics(self, database: sqlite3.Connection) -> dict[int, Topic]:
        topics: dict[int, Topic] = {}
        query = "SELECT id, name, type, serialization_format FROM topics LIMIT 10000"
        for number, name, kind, encoding in database.execute(query):
            if not isinstance(name, str) or not isinstance(kind, str) or encoding != "cdr":
                self._note(f"topic {str(name)[:80]} is encoded as {str(encoding)[:20]!r}")
                continue
            topics[number] = checked_topic(name, kind)
        return topics

    def _messages(
        self, database: sqlite3.Connection, topics: dict[int, Topic]
    ) -> Iterator[Message]:
        query = (
            "SELECT topic_id, timestamp, CASE WHEN length(data) <= ? THEN data END "
            "FROM messages ORDER BY id"
        )
        for number, stamp, data in database.execute(query, (MAX_MESSAGE,)):
            self._awaited = time.monotonic()
            topic = topics.get(number)
            if topic is None:
                continue
            if not isinstance(stamp, int) or not isinstance(data, bytes) or stamp < 0:
                self._note(f"a message of {topic.name} is no message, or too large")
                continue
            if data.startswith(ZSTD_MAGIC):  # what is not compressed begins with zero
                try:
                    data = unpack(data, "zstd", MAX_MESSAGE)
                except UnpackError as error:
                    self._note(f"a message of {topic.name} is lost: {error}")
                    continue
            yield Message(topic, stamp, data)

    def _note(self, text: str) -> None:
        if len(self.notes) < 20 and text not in self.notes:
            self.notes.append(text)
