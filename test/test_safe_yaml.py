"""YAML from outside is plain, small and shallow, or it is refused."""

from __future__ import annotations

import pytest
import yaml

from wm_planner.cli import parse_config
from wm_planner.errors import UserError
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.paths import config_dir
from wm_planner.safe_yaml import MAX_BYTES, parse_yaml, read_yaml

LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
BAD = [
    (LAUGHS, r"a reference \(\*a\); write out what it stands for \(line 2, column 8\)"),
    ("[" * 1000, "more than 32 levels"),
    ("{a: " * 1000, "more than 32 levels"),
    ("a: 1\nb: 2\na: 3", r"the key 'a' twice \(line 3"),
    ("3: 1", "the key '3', which is no text; quote it"),
    ("? [a, b]\n: 1", "which is no text"),
    ("a: " + "9" * 400, "more than 64 bits"),
    ("a: 1" + ":59" * 100, "more than 64 bits"),
    ("a: '" + "x" * 5000 + "'", "longer than 4096"),
    ("a: " + "[1, 2], " * MAX_BYTES, f"at most {MAX_BYTES}"),
    ("a: !!int x", "not of the type it says"),
    ("a: !!binary aGk=", "could not determine a constructor"),
    ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
    ("a: [1, 2", "expected ',' or ']'"),
    ("a: \0", "special characters are not allowed"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_what_is_not_plain_is_refused(text, message):
    with pytest.raises(UserError, match=message):
        parse_yaml(text, "file")


@pytest.mark.parametrize(("text", "message"), BAD)
def test_the_command_line_refuses_it_too(tmp_path, text, message):
    """jsonargparse alone ends in a segmentation fault on deep nesting (libyaml's composer)."""
    (tmp_path / "bad.yaml").write_text(text)
    (tmp_path / "outer.yaml").write_text(f"task: grasp\nfaults: {tmp_path / 'bad.yaml'}\n")
    for file in ("bad.yaml", "outer.yaml"):
        with pytest.raises(UserError):
            parse_config(TrialsConfig, ["--config", str(tmp_path / file)], "trials", "")


def test_plain_values_come_as_they_are():
    text = "a: [1, -2.5, true, null, .inf]\nb: {c: text, d: 'x'}\nwhen: 2026-11-21"
    expected = {
        "a": [1, -2.5, True, None, float("inf")],
        "b": {"c": "text", "d": "x"},
        "when": "2026-11-21",
    }
    assert parse_yaml(text, "file") == expected


@pytest.mark.parametrize("file", sorted(config_dir().rglob("*.yaml")), ids=lambda file: file.name)
def test_every_configuration_that_is_shipped_is_plain(file):
    assert read_yaml(file) == yaml.safe_load(file.read_text())


def test_a_file_is_a_mapping_of_text(tmp_path):
    file = tmp_path / "list.yaml"
    with pytest.raises(UserError, match=r"list\.yaml: no such file"):
        read_yaml(file)
    file.write_text("[1, 2]")
    with pytest.raises(UserError, match=r"list\.yaml: expected a mapping of settings, got list"):
        read_yaml(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"list\.yaml: not text in UTF-8"):
        read_yaml(file)
    file.write_bytes(b"a" * (MAX_BYTES + 1))
    with pytest.raises(UserError, match=r"list\.yaml: more than the 32768 bytes"):
        read_yaml(file)
