"""Bags of all kinds are read as rosbags reads them; those that end in the middle, up to there."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import lz4.frame
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import CompressionMode, StoragePlugin
from rosbags.typesys import Stores, get_typestore

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

sys.path.insert(0, str(Path(__file__).parents[1]))
from toy_bags import sensors, written

from wm_planner.bags.bag import Bag
from wm_planner.bags.mcap_file import McapFile
from wm_planner.bags.message import BagError
from wm_planner.bags.unpack import UnpackError, unpack

NAMES, HOME = ("a", "b"), np.array([0.1, 0.02])
SENT = sensors(10.0, 2.0, NAMES, HOME)


def kept(bag: Bag) -> list[tuple[str, int, bytes]]:
    return [(m.topic.name, m.time, bytes(m.data)) for m in bag.messages(set(bag.counts))]


def by_rosbags(path: Path) -> list[tuple[str, int, bytes]]:
    with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_KILTED)) as reader:
        return [(c.topic, time, bytes(raw)) for c, time, raw in reader.messages()]


@pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_every_message_is_there_in_order(plugin, tmp_path):
    bag = Bag(written(tmp_path / "bag", SENT, plugin))
    assert len(kept(bag)) == len(SENT)
    assert sorted(kept(bag)) == sorted(by_rosbags(tmp_path / "bag"))
    assert [time for _, time, _ in kept(bag)] == [round(sent.time * 1e9) for sent in SENT]
    assert not bag.notes


@pytest.mark.parametrize(
    ("plugin", "mode"),
    [
        (StoragePlugin.MCAP, CompressionMode.STORAGE),
        (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
    ],
)
def test_compressed_ones_too(plugin, mode, tmp_path):
    bag = Bag(written(tmp_path / "packed", SENT, plugin, mode))
    assert sorted(kept(bag)) == sorted(by_rosbags(tmp_path / "packed"))
    assert len(kept(bag)) == len(SENT)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_file_cut_short_is_read_up_to_there(share, tmp_path):
    path = next(written(tmp_path / "bag", SENT).glob("*.mcap"))
    whole = kept(Bag(path))
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    bag = Bag(cut)
    assert kept(bag) == whole[: len(kept(bag))]
    assert len(kept(bag)) >= (share - 0.2) * len(whole)
    assert "cut short" in bag.notes[0]


def test_messages_in_the_wrong_order_are_sorted_and_that_is_told(tmp_path):
    by_topic = sorted(SENT, key=lambda sent: (sent.topic, sent.time))
    bag = Bag(written(tmp_path / "bag", by_topic))
    assert [time for _, time, _ in kept(bag)] == sorted(round(s.time * 1e9) for s in SENT)
    assert "not in the order of arrival" in bag.notes[0]


def test_damage_in_one_chunk_is_told(tmp_path):
    path = next(written(tmp_path / "bag", SENT).glob("*.mcap"))
    content = bytearray(path.read_bytes())
    place = content.index(b"front") + 3000  # in the chunk, which has no checksum
    content[place : place + 4000] = b"\xff" * 4000
    path.write_bytes(content)
    file = McapFile(path)
    assert len(list(file.messages())) < len(SENT)
    assert "what it held is lost" in file.notes[0]


@pytest.mark.parametrize("kind", ["zstd", "lz4"])
def test_a_part_that_unpacks_to_more_than_it_says_is_refused(kind):
    data = bytes(10_000_000)
    packed = lz4.frame.compress(data) if kind == "lz4" else zstd.compress(data)
    assert len(packed) < 50_000
    assert unpack(packed, kind, len(data)) == data
    with pytest.raises(UnpackError, match="more than the 1000 bytes"):
        unpack(packed, kind, 1000)


def test_a_database_that_computes_is_no_bag(tmp_path):
    path = tmp_path / "evil.db3"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE topics(id, name, type, serialization_format)")
        database.execute(
            "CREATE VIEW messages AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 "
            "FROM n) SELECT id, 1 AS topic_id, id AS timestamp, x'00' AS data FROM n"
        )
    database.close()
    with pytest.raises(BagError, match="messages is"):
        Bag(path)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("bag.mcap", b"not one", "not an MCAP file"),
        ("bag.db3", b"not one" * 100, "no.* bag"),
        ("bag.txt", b"", "holds no .mcap or .db3 file"),
        ("bag.mcap.zstd", b"", "unpack it with `zstd -d`"),
    ],
)
def test_what_is_no_bag_is_named(name, content, told, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BagError, match=told):
        Bag(tmp_path)
    with pytest.raises(BagError, match="no such bag"):
        Bag(tmp_path / "nothing")


def test_a_chunk_that_says_it_is_longer_than_anything_is_told(tmp_path):
    """Found by fuzzing: no file has 2**63 bytes, and Python cannot even ask for them."""
    path = next(written(tmp_path / "bag", SENT).glob("*.mcap"))
    content = bytearray(path.read_bytes())
    chunk = content.index(b"\x06", 8)  # the first record after the header
    assert McapFile(path).messages() and content[chunk + 9 + 28 : chunk + 9 + 32] == bytes(4)
    content[chunk + 9 + 32 : chunk + 9 + 40] = b"\xff" * 8
    path.write_bytes(content)
    assert "a chunk is shorter than it says" in Bag(path).notes[0]
