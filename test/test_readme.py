"""The README's commands run, and its parameter table is what the node declares."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from wm_planner.nodes.parameters import PARAMETERS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]
OURS = [line for line in COMMANDS if line.startswith(".venv/bin/wm_planner ")]

SHORT = {  # what makes each of them short
    "collect": ["--episodes", "2"],
    "train": ["--updates", "2", "--batch-size", "4", "--snapshots", "1"],
    "improve": ["--trials", "2", "--rounds", "1", "--updates", "2", "--held-out", "10",
                "--time-limit", "0.5", "--batch-size", "4", "--workers", "1"],
    "trials": ["--trials", "1", "--workers", "1", "--planner", "prior", "--time-limit", "2"],
    "goals": ["--trials", "1", "--planners", "prior"],
    "bench": ["--repeats", "1", "--no-large", "--no-peers"],
    "robustness": ["--trials", "1", "--workers", "1", "--planner", "prior"],
    "compare": [],
    "evaluate": ["--quick"],
    "alarms": ["--clean", "1", "--trials", "1"],
    "play": ["--keys", "p*3"],
}  # fmt: skip


def test_make_targets_exist():
    targets = {line.removeprefix("make ") for line in COMMANDS if line.startswith("make ")}
    assert targets == {"demo", "test"}
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in targets)


def test_own_commands_work_as_written(tmp_path):
    assert {shlex.split(line)[1] for line in OURS} == {*SHORT}
    (tmp_path / "config").symlink_to(ROOT / "config")
    for line in OURS:
        arguments = shlex.split(line)[1:]
        command = [sys.executable, "-m", "wm_planner", *arguments, *SHORT[arguments[0]]]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, f"{line}\n{result.stdout[-2000:]}{result.stderr[-2000:]}"
    assert (tmp_path / "data/grasp.hdf5").exists()
    assert (tmp_path / "runs/grasp/model.safetensors").exists()
    assert (tmp_path / "out/grasp.json").exists()
    assert (tmp_path / "out/stack/report.html").exists()
    assert (tmp_path / "out/robustness/robustness.md").exists()


def test_table_lists_every_parameter_with_its_default():
    rows = re.findall(r"^\| `(\w+)`( \*)? \| (.*?) \| .*? \| (.*?) \|$", README, re.MULTILINE)
    found = {name: (default, bool(star), text) for name, star, default, text in rows}
    declared = {
        p.name: (
            str(p.default).lower() if isinstance(p.default, bool) else str(p.default),
            not p.read_only,
            p.description,
        )
        for p in PARAMETERS
    }
    assert found == declared


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_links_lead_somewhere(path):
    assert (ROOT / path).exists()
