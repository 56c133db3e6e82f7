"""Recordings of other people become datasets: robomimic's HDF5, and LeRobot's in both formats."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
from toy_episodes import toy_episode, write_dataset

from wm_planner.assembly import build_arm
from wm_planner.commands.export import ExportConfig, export
from wm_planner.commands.import_data.command import import_data
from wm_planner.commands.import_data.config import ImportConfig
from wm_planner.errors import UserError
from wm_planner.learning.episodes import read_episodes

STEPS = 12


@pytest.fixture
def dataset(tmp_path) -> Path:
    return write_dataset(tmp_path / "toy.hdf5", [toy_episode(s, STEPS) for s in range(3)], False)


def test_robomimics_own_names_are_chosen_by_options(tmp_path):
    source = tmp_path / "theirs.hdf5"
    rng = np.random.default_rng(0)
    with h5py.File(source, "w") as file:
        for i in range(2):
            group = file.create_group(f"data/demo_{i}")
            group["actions"] = rng.uniform(-1, 1, (STEPS, 7))
            for name, size in (("robot0_eef_pos", 3), ("robot0_gripper_qpos", 2)):
                group[f"obs/{name}"] = rng.normal(size=(STEPS, size))
            for name in ("agentview_image", "robot0_eye_in_hand_image"):
                group[f"obs/{name}"] = rng.integers(0, 255, (STEPS, 20, 20, 3), np.uint8)
            group["rewards"] = np.r_[np.zeros(STEPS - 1), float(i == 0)]
            group["dones"] = np.r_[np.zeros(STEPS - 1), 1.0]
    with pytest.raises(UserError, match=r"no obs/proprio; it has .*robot0_eef_pos"):
        import_data(ImportConfig((source,), tmp_path / "a.hdf5"))
    config = ImportConfig(
        (source,),
        tmp_path / "b.hdf5",
        proprio="robot0_eef_pos,robot0_gripper_qpos",
        cameras=("robot0_eye_in_hand", "agentview"),
    )
    found = list(read_episodes(import_data(config)))
    assert [episode.success for episode in found] == [True, False]
    with h5py.File(source) as file:
        theirs = file["data/demo_1"]
        np.testing.assert_array_equal(
            found[1].frames["front"], theirs["obs/robot0_eye_in_hand_image"]
        )
        np.testing.assert_allclose(found[1].proprio[:, 3:], theirs["obs/robot0_gripper_qpos"])
        np.testing.assert_allclose(found[1].actions, theirs["actions"], rtol=1e-6)


def test_nothing_is_written_over(dataset):
    with pytest.raises(UserError, match="exists already"):
        import_data(ImportConfig((dataset,), dataset))


@pytest.fixture
def lerobot(dataset, tmp_path) -> Path:
    pytest.importorskip("pyarrow", reason="LeRobot datasets are an extra")
    pytest.importorskip("av", reason="LeRobot datasets are an extra")
    return export(ExportConfig(dataset, tmp_path / "exported"))


@pytest.mark.parametrize("version", ["3.0", "2.1"])
def test_what_is_exported_comes_back(version, dataset, lerobot, tmp_path):
    if version != "3.0":
        lerobot = export(ExportConfig(dataset, tmp_path / "older", version=version))
    own = list(read_episodes(dataset))
    found = list(read_episodes(import_data(ImportConfig((lerobot,), tmp_path / "back.hdf5"))))
    assert [e.success for e in found] == [e.success for e in own]
    for a, b in zip(found, own, strict=True):
        np.testing.assert_array_equal(a.proprio, b.proprio)
        np.testing.assert_array_equal(a.actions, b.actions)
        assert a.instruction == b.instruction == "push the dot to the middle"
        for camera in ("front", "wrist"):
            difference = np.abs(a.frames[camera].astype(int) - b.frames[camera])
            assert difference.mean() < 3 and difference.shape == b.frames[camera].shape


def test_an_exported_dataset_describes_itself(lerobot):
    info = json.loads((lerobot / "meta" / "info.json").read_text())
    assert info["codebase_version"] == "v3.0" and info["total_frames"] == 3 * STEPS
    assert info["features"]["observation.images.front"]["shape"] == [32, 32, 3]
    statistics = json.loads((lerobot / "meta" / "stats.json").read_text())
    assert statistics["action"]["count"] == [3 * STEPS]
    assert np.shape(statistics["observation.images.wrist"]["mean"]) == (3, 1, 1)


def test_an_older_format_has_files_for_each_episode(dataset, lerobot, tmp_path):
    import pyarrow.parquet as parquet

    older = export(ExportConfig(dataset, tmp_path / "older", version="2.1"))
    info = json.loads((older / "meta" / "info.json").read_text())
    newer = json.loads((lerobot / "meta" / "info.json").read_text())
    assert info["codebase_version"] == "v2.1" and info["features"] == newer["features"]
    assert (info["total_videos"], info["total_chunks"]) == (6, 1)
    whole = parquet.read_table(lerobot / "data" / "chunk-000" / "file-000.parquet").to_pylist()
    place = {"episode_chunk": 0, "video_key": "observation.images.front"}
    parts = [older / info["data_path"].format(episode_index=i, **place) for i in range(3)]
    assert [row for part in parts for row in parquet.read_table(part).to_pylist()] == whole
    assert all((older / info["video_path"].format(episode_index=i, **place)).is_file()
               for i in range(3))  # fmt: skip
    lines = {
        name: [json.loads(line) for line in (older / f"meta/{name}.jsonl").open()]
        for name in ("tasks", "episodes", "episodes_stats")
    }
    assert lines["tasks"] == [{"task_index": 0, "task": "push the dot to the middle"}]
    assert [row["length"] for row in lines["episodes"]] == [STEPS] * 3
    own = [episode.actions for episode in read_episodes(dataset)]
    for row, actions in zip(lines["episodes_stats"], own, strict=True):
        np.testing.assert_allclose(row["stats"]["action"]["mean"], actions.mean(0), atol=1e-6)
        assert row["stats"]["action"]["count"] == [STEPS]
        assert np.shape(row["stats"]["observation.images.wrist"]["std"]) == (3, 1, 1)


def test_a_format_that_nobody_writes_is_refused(dataset):
    with pytest.raises(UserError, match=r"version is '2.0', expected one of 3.0, 2.1"):
        ExportConfig(dataset, version="2.0")


def test_joint_positions_become_motions_of_the_hand(lerobot, tmp_path):
    """States and actions are of all joints: the hand's motion is worked out by kinematics."""
    import pyarrow.parquet as parquet

    arm, path = build_arm("panda"), lerobot / "data" / "chunk-000" / "file-000.parquet"
    table = parquet.read_table(path)
    time = np.array(table["index"].to_pylist())[:, None]
    joints = arm.home + 0.05 * np.sin(0.5 * time + np.arange(len(arm.home))) * (arm.home != 0)
    import pyarrow as arrow

    for name, values in (("observation.state", joints), ("action", np.roll(joints, -1, axis=0))):
        column = arrow.array(values.astype(np.float32).tolist())
        table = table.set_column(table.column_names.index(name), name, column)
    parquet.write_table(table, path)
    found = list(
        read_episodes(import_data(ImportConfig((lerobot,), tmp_path / "j.hdf5", joints=True)))
    )
    hand = np.stack([_hand(arm, pose) for pose in joints[:STEPS]])
    moved = np.diff(hand, axis=0) / arm.config.action_step
    np.testing.assert_allclose(found[0].actions[1:-2, :3], moved[1:-1], atol=2e-3)


def _hand(arm, pose):
    from wm_planner.types import JointState

    arm.reset(JointState(pose, 0 * pose, 0.0))
    return arm.goal


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("meta/info.json", lambda t: t.replace("v3.0", "v9"), "codebase_version is v9"),
        ("meta/info.json", lambda t: t.replace('"data/', '"../../'), "does not lie in the"),
        ("meta/info.json", lambda t: t.replace("file_index", "x.__class__"), "does not lie in"),
        ("meta/info.json", lambda t: t.replace('"fps": 10', '"fps": 7'), "7 steps a second"),
        ("meta/info.json", lambda t: t[:200], "not JSON"),
    ],
)
def test_a_dataset_that_lies_is_refused(file, change, told, lerobot, tmp_path):
    path = lerobot / file
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=told):
        import_data(ImportConfig((lerobot,), tmp_path / "x.hdf5"))


def test_without_the_extra_the_way_out_is_told(dataset, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"pip install 'wm_planner\[lerobot\]'"):
        export(ExportConfig(dataset, tmp_path / "nothing"))
