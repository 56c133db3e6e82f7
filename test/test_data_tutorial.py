"""The commands of docs/data.md run in their order, from a joystick to a trained model."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "data.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]
SHORT = {
    "record": ["--episodes", "2", "--lockstep"],
    "train": ["--updates", "2", "--batch-size", "4", "--snapshots", "1"],
}


def test_every_step_is_there():
    names = [shlex.split(line)[1] for line in COMMANDS]
    assert names == ["record", "check", "import", "check", "replay", "train", "export"]


@pytest.mark.slow
def test_every_command_works_as_written(tmp_path):
    for line in COMMANDS:
        arguments = shlex.split(line)[1:]
        if arguments[0] == "export" and not (find_spec("pyarrow") and find_spec("av")):
            continue
        command = [sys.executable, "-m", "wm_planner", *arguments, *SHORT.get(arguments[0], [])]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, f"{line}\n{result.stdout[-2000:]}{result.stderr[-2000:]}"
    assert (tmp_path / "data" / "shown.html").is_file()
    assert (tmp_path / "runs" / "shown" / "model.safetensors").is_file()
