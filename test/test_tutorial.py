"""The commands of docs/tutorial.md are understood as written, and run in their order, in small."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from wm_planner.cli import _prepare

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "tutorial.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.replace("\\\n", "").splitlines()]
OURS = [shlex.split(line)[1:] for line in COMMANDS if line.startswith("wm_planner ")]
LAUNCHES = re.findall(r"ros2 launch wm_planner (\S+) ([^`\n]*)", TEXT)
SHORT = {
    "record": ["--episodes", "2", "--lockstep"],
    "check": ["--no-strict"],  # two episodes are too few, and it says so
    "train": ["--updates", "2", "--batch-size", "4"],
    "trials": ["--trials", "1", "--workers", "1", "--time-limit", "0.5"],
}


def test_every_step_is_there():
    names = [" ".join(words[: 2 if words[0] == "robot" else 1]) for words in OURS]
    assert names == [
        "robot check", "record", "check", "import", "check", "replay", "train", "trials", "trials",
        "trials", "record",
    ]  # fmt: skip


@pytest.mark.parametrize("words", OURS, ids=lambda words: " ".join(words[:3]))
def test_every_command_is_understood(words, monkeypatch):
    monkeypatch.chdir(ROOT)  # its paths are from the checkout on
    parts = 2 if words[0] == "robot" else 1
    _, config = _prepare(" ".join(words[:parts]), words[parts:])
    assert getattr(config, "robot", "") in ("ur5e", "")


def test_launch_files_have_the_arguments():
    assert [file for file, _ in LAUNCHES] == ["sim.launch.py", "robot.launch.py"]
    planner = (ROOT / "launch" / "robot.launch.py").read_text()  # included by the other one
    for file, given in LAUNCHES:
        declared = (ROOT / "launch" / file).read_text() + planner
        for name in re.findall(r"(\w+):=", given):
            assert f'("{name}", ' in declared or f"{name}(" in declared, name


@pytest.mark.slow
def test_every_command_works_as_written(tmp_path):
    (tmp_path / "config").symlink_to(ROOT / "config")
    for words in OURS:
        command = [sys.executable, "-m", "wm_planner", *words, *SHORT.get(words[0], [])]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, f"{words}\n{result.stdout[-2000:]}{result.stderr[-2000:]}"
        if "--shadow" in words:
            assert "steps planned" in result.stdout
    assert (tmp_path / "out" / "robot_ur5e.png").is_file()
    assert (tmp_path / "data" / "ur5e.html").is_file()
    assert (tmp_path / "out" / "ur5e" / "report.html").is_file()
