"""The command line: every option has a description, and bad input is one line and exit code 2."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from wm_planner.cli import main, parse_config
from wm_planner.errors import UserError
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.subcommands import SUBCOMMANDS


@dataclass(frozen=True)
class Part:
    """A config within a config.

    Attributes:
        size: in pixels.
        light: least and most.
    """

    size: int = 64
    light: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Config:
    """Every kind of option.

    Attributes:
        num_trials: how many trials.
        prior: use the action prior.
        json: where to write the figures.
        seeds: one trial each.
        input_files: to read.
        part: the part's options.
    """

    num_trials: int = 10
    prior: bool = True
    json: Path | None = None
    seeds: tuple[int, ...] = (1, 2)
    input_files: tuple[Path, ...] = ()
    part: Part = Part()

    def __post_init__(self) -> None:
        if self.num_trials < 1:
            raise UserError(f"num_trials is {self.num_trials}, expected at least 1")


@dataclass(frozen=True)
class Folders:
    """A config with fields that have no default.

    Attributes:
        first: one folder.
        second: another.
        note: about them.
    """

    first: Path
    second: Path
    note: str = ""


def parse(*argv: str) -> Config:
    return parse_config(Config, argv, prog="wm_planner test", description="Test.")


def test_help_lists_the_subcommands_and_imports_none_of_them():
    code = "import sys; from wm_planner.cli import main\ntry: main(['--help'])\n"
    code += (
        "finally: print(sorted({'torch', 'mujoco', 'rclpy', 'jsonargparse'} & set(sys.modules)))"
    )
    start = time.perf_counter()
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert time.perf_counter() - start < 5  # 0.1 s on a quiet machine
    assert result.returncode == 0, result.stderr
    assert all(f"\n    {name}" in result.stdout for name in SUBCOMMANDS)
    assert result.stdout.endswith("[]\n")


def test_an_unknown_subcommand_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit) as exit_info:
        main(["fly"])
    assert exit_info.value.code == 2
    message = capsys.readouterr().err
    assert "invalid choice: 'fly'" in message
    assert all(name in message for name in SUBCOMMANDS)


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_option_of_every_subcommand_is_described(name, capsys):
    with pytest.raises(SystemExit) as exit_info:
        main([name, "--help"])
    assert exit_info.value.code == 0
    text = capsys.readouterr().out
    assert f"wm_planner {name}" in text
    lines = [line.strip() for line in text.splitlines()]
    undescribed = [
        option
        for option, following in pairwise(lines)
        if option.startswith("--") and "  " not in option and following.startswith("(type:")
    ]
    assert not undescribed, f"no Attributes entry in the config's docstring: {undescribed}"


def test_user_errors_are_one_line_and_exit_code_2(capsys):
    assert main(["collect", "--task", "juggle"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert "juggle" in captured.err


def test_options_are_flat_hyphenated_and_typed():
    config = parse("--num-trials", "3", "--no-prior", "--json", "out.json", "--part.size", "32")
    assert config == Config(num_trials=3, prior=False, json=Path("out.json"), part=Part(size=32))


def test_defaults_are_the_dataclass_defaults():
    assert parse() == Config()


@pytest.mark.parametrize(("argv", "seeds"), [(["3"], (3,)), (["3", "4", "5"], (3, 4, 5))])
def test_a_tuple_takes_several_values(argv, seeds):
    assert parse("--seeds", *argv, "--no-prior") == Config(seeds=seeds, prior=False)


@pytest.mark.parametrize(
    "given", [["a.h5", "b c"], ["[a.h5, b c]"], ["['a.h5', \"b c\"]"], ["[a.h5,", "b c]"]]
)
def test_several_files_are_words_or_a_list(given):
    files = (Path("a.h5"), Path("b c"))
    assert parse("--input-files", *given, "--no-prior") == Config(prior=False, input_files=files)
    if len(given) == 1:
        assert parse(f"--input-files={given[0]}").input_files == files


@pytest.mark.parametrize("given", [["-1", "2"], ["[-1, 2]"], ["[-1,2]"]])
def test_several_numbers_are_words_or_a_list_in_a_part_too(given):
    assert parse("--seeds", *given).seeds == (-1, 2)
    assert parse("--part.light", *given, "--num-trials", "3") == Config(
        num_trials=3, part=Part(light=(-1.0, 2.0))
    )


def test_one_file_and_names_that_look_like_other_things_stay_what_they_are():
    assert parse("--input-files", "a,b").input_files == (Path("a,b"),)
    assert parse("--input-files", "[yes, 1_0, null]").input_files == tuple(
        map(Path, ("yes", "1_0", "null"))
    )


@pytest.mark.parametrize("text", ["[a, b", "[a] b]", "[[a], b]", "[a: b]", "[*a]", "[a, b] c"])
def test_a_list_that_cannot_be_read_is_an_error_that_says_how_it_is_written(text):
    with pytest.raises(UserError, match=r"--input-files: .* expected .* '\[a, b\]'"):
        parse("--input-files", text)


def test_an_empty_list_is_refused_and_so_is_a_wrong_element():
    with pytest.raises(UserError, match="--seeds: expected at least one argument"):
        parse("--seeds", "[]")
    with pytest.raises(UserError, match=r'"seeds" element 2: .* Got value: x'):
        parse("--seeds", "[1, x]")


def test_help_says_how_to_give_several(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    assert "`--seeds a b` or `--seeds '[a, b]'`" in " ".join(capsys.readouterr().out.split())


def test_an_option_is_spelled_out():
    with pytest.raises(UserError, match="there is --num-trials, --prior"):
        parse("--seed", "3")


def test_fields_without_a_default_are_arguments_in_their_order():
    config = parse_config(Folders, ["x/a", "--note", "hi", "b"], prog="test", description="Test.")
    assert config == Folders(Path("x/a"), Path("b"), "hi")


@pytest.mark.parametrize(
    ("argv", "expected"), [(["a"], "second"), (["a", "b", "c"], "c.*there is --note")]
)
def test_too_few_and_too_many_arguments_are_user_errors(argv, expected):
    with pytest.raises(UserError, match=expected):
        parse_config(Folders, argv, prog="test", description="Test.")


def test_a_yaml_file_overrides_and_an_option_overrides_the_file(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("num_trials: 5\nprior: false\npart: {size: 16}\nseeds: [7]\n")
    config = parse("--config", str(file), "--num-trials", "7")
    assert config == Config(num_trials=7, prior=False, part=Part(size=16), seeds=(7,))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("trials: 5\n", "'trials' is not accepted; there is num_trials, prior"),
        ("num_trials: many\n", '"num_trials": Expected a .* Got value: many'),
    ],
)
def test_a_wrong_yaml_file_names_the_key(tmp_path, text, expected):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=expected):
        parse("--config", str(file))


def test_validation_of_the_dataclass_is_a_user_error():
    with pytest.raises(UserError, match="num_trials is 0"):
        parse("--num-trials", "0")


def test_a_configuration_that_does_not_hold_together_is_one_line(capsys):
    assert main(["trials", "--search.samples", "1"]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("error: prior_samples is 24, expected 0 to samples - 2")
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("apart", [",", ", "])
def test_lists_of_lists_are_given_as_they_are_written(apart):
    text = apart.join(["[[0,0,0,1,1,1]", "[-1,0,0,1,2,3]]"])
    boxes = ((0.0, 0.0, 0.0, 1.0, 1.0, 1.0), (-1.0, 0.0, 0.0, 1.0, 2.0, 3.0))
    config = parse_config(TrialsConfig, ["--search.keep_out", text], "trials", "")
    assert config.search.keep_out == boxes


def test_objectives_are_named_and_weighted():
    given = ["--search.objectives", "{return: 1, goal_image: 10}"]
    config = parse_config(TrialsConfig, given, "trials", "")
    assert config.search.objectives == {"return": 1.0, "goal_image": 10.0}
    with pytest.raises(UserError, match="unknown objective 'retrun'; there is return, goal_image"):
        parse_config(TrialsConfig, ["--search.objectives", "{retrun: 1}"], "trials", "")
