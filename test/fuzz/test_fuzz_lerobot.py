"""Whatever a LeRobot dataset holds, reading it ends with episodes that fit, or with a UserError."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from mutations import WEIRD, fuzz, spoilt_bytes, spoilt_values

pytest.importorskip("pyarrow", reason="LeRobot datasets are an extra")
pytest.importorskip("av", reason="LeRobot datasets are an extra")
import pyarrow as arrow
import pyarrow.parquet as parquet

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "learning"))
from toy_episodes import toy_episode

from wm_planner.errors import UserError
from wm_planner.learning.lerobot import read
from wm_planner.learning.lerobot.format2 import Format2Writer
from wm_planner.learning.lerobot.format3 import Format3Writer
from wm_planner.learning.lerobot.parquet import read_columns
from wm_planner.learning.lerobot.read import LeRobotReader

EXAMPLES = [10, pytest.param(2000, marks=pytest.mark.slow)]
FORMATS = {
    "2.1": (Format2Writer, "data/chunk-000/episode_000001.parquet", "meta/episodes.jsonl"),
    "3.0": (
        Format3Writer,
        "data/chunk-000/file-000.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
    ),
}
examples = pytest.mark.parametrize("examples", EXAMPLES)
formats = pytest.mark.parametrize("version", FORMATS)


@pytest.fixture(scope="module")
def valid(tmp_path_factory) -> dict[str, Path]:
    roots = {}
    for version, (writer, *_) in FORMATS.items():
        roots[version] = tmp_path_factory.mktemp("valid") / version
        with writer(roots[version], 10.0, "panda", "h264") as file:
            for seed in range(2):
                file.add(toy_episode(seed, steps=4, size=16))
    return roots


@pytest.fixture
def root(valid, version, tmp_path) -> Path:
    return shutil.copytree(valid[version], tmp_path / "spoilt")


def follow(root: Path) -> None:
    """All episodes of a dataset fit."""
    read._table.cache_clear()
    reader = LeRobotReader(root, "", "")
    for shown in reader.episodes(reader.cameras):
        steps = len(shown.times)
        for values in (shown.state, shown.actions):
            assert values.ndim == 2 and len(values) == steps and np.isfinite(values).all()
        for frames in shown.frames.values():
            assert frames.dtype == np.uint8 and frames.shape[::3] == (steps, 3)


@formats
@examples
@pytest.mark.parametrize("part", ["info", "index", "data", "video"])
def test_bytes_of_a_file(examples, version, part, root):
    _, data, index = FORMATS[version]
    video = next((root / "videos").rglob("*.mp4"))
    file = {"info": root / "meta" / "info.json", "index": root / index, "data": root / data,
            "video": video}[part]  # fmt: skip

    def load(content: bytes) -> None:
        file.write_bytes(content)
        follow(root)

    fuzz(examples, spoilt_bytes(file.read_bytes()), load)


@formats
@examples
def test_values_of_the_description(examples, version, root):
    file = root / "meta" / "info.json"

    def load(values: dict) -> None:
        file.write_text(json.dumps(values), errors="replace")
        follow(root)

    fuzz(examples, spoilt_values(json.loads(file.read_text())), load)


@formats
@examples
def test_values_of_a_table(examples, version, root):
    """A column of another type, with holes, or gone."""
    file = root / FORMATS[version][1]
    table = parquet.read_table(file)
    columns = st.sampled_from(table.column_names)

    def load(example: tuple[str, list]) -> None:
        name, values = example
        rest = table.drop_columns([name])
        try:
            column = arrow.array((values * len(table))[: len(table)])
            parquet.write_table(rest.append_column(name, column), file)
        except (arrow.ArrowException, OverflowError, UnicodeError):  # no table can hold that
            parquet.write_table(rest, file)
        follow(root)

    fuzz(examples, st.tuples(columns, st.lists(WEIRD, min_size=1, max_size=3)), load)


@pytest.mark.slow
def test_a_large_thing_said_many_times_is_not_unpacked(tmp_path):
    file = tmp_path / "bomb.parquet"
    same = arrow.array(np.zeros(20_000, np.int32))
    column = arrow.DictionaryArray.from_arrays(same, arrow.array(["x" * 100_000]))
    parquet.write_table(arrow.table({"timestamp": column}), file, store_schema=False)
    assert file.stat().st_size < 20_000
    with pytest.raises(UserError, match="more than 1073741824 bytes when it is unpacked"):
        read_columns(file, ["timestamp"])
