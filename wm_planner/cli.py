"""The `wm_planner` command: finds the subcommand, reads its options, runs it.

Implementations are imported when their subcommand runs, so that `wm_planner --help` is instant.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from yaml import YAMLError

from wm_planner.errors import UserError
from wm_planner.safe_yaml import parse_yaml, read_yaml
from wm_planner.several_values import in_one_form, option_of, options_for_several
from wm_planner.subcommands import SUBCOMMANDS

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; the exit code is 0, 2 for bad input, or 130 after Ctrl-C."""
    argv = sys.argv[1:] if argv is None else list(argv)
    words = 2 if " ".join(argv[:2]) in SUBCOMMANDS else 1
    name = _parser().parse_args([" ".join(argv[:words])] if argv else []).command
    os.environ.setdefault("MUJOCO_GL", "egl")  # cameras render off screen, without a display
    logging.basicConfig(format="%(message)s")
    logging.getLogger("wm_planner").setLevel(logging.INFO)
    try:
        run, config = _prepare(name, argv[words:])
        code = run(config)
        return code if isinstance(code, int) else 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"wm_planner {name}: interrupted", file=sys.stderr)
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wm_planner",
        description="Plan robot motion in a learned world model.",
        epilog="`wm_planner COMMAND --help` describes the options of a command.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, subcommand in SUBCOMMANDS.items():
        commands.add_parser(name, help=subcommand.help, add_help=False)
    return parser


def _prepare(name: str, argv: Sequence[str]) -> tuple[Callable[[Any], int | None], Any]:
    """The function of subcommand `name`, and its config as the options in `argv` say."""
    subcommand = SUBCOMMANDS[name]
    try:
        module = import_module(subcommand.module)
    except ModuleNotFoundError as error:
        raise UserError(
            f"`wm_planner {name}` needs the module {error.name!r}, which is not installed; "
            "run `make setup`, or `pip install -r requirements.txt`"
        ) from error
    kind = getattr(module, subcommand.config)
    config = parse_config(
        kind if isinstance(kind, type) else kind(_given("family", argv)),
        argv,
        prog=f"wm_planner {name}",
        description=f"{subcommand.help[0].upper()}{subcommand.help[1:]}.",
    )
    return getattr(module, subcommand.function), config


def parse_config(config: type, argv: Sequence[str], prog: str, description: str) -> Any:
    """A `config` dataclass from options: one per field, described by its docstring's Attributes,
    or those of a dataclass it comes from.

    Fields without a default are arguments without a name, in their order.

    Booleans are `--flag` and `--no-flag`, tuples are `--seeds 1 2 3` or `--seeds '[1, 2, 3]'`;
    `--config FILE` reads YAML, whose unknown keys are errors.
    """
    from docstring_parser import parse_from_object
    from jsonargparse import ArgumentError, ArgumentParser

    _parse_plain_yaml_only()
    for file in _config_files(argv):
        read_yaml(file)  # says what is wrong with it before anything is taken from it
    several = list(options_for_several(config))
    if several:
        one = several[0]
        description += f" Several values are given as `{one} a b` or `{one} '[a, b]'`."
    required = [f.name.upper() for f in dataclasses.fields(config) if not _has_default(f)]
    parser = ArgumentParser(
        prog=prog,
        usage=" ".join([prog, *required, "[options]"]),
        description=description,
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    types = get_type_hints(config)
    lineage = filter(dataclasses.is_dataclass, reversed(config.__mro__))  # the subclass last
    params = (param for cls in lineage for param in parse_from_object(cls).params)
    docs = {param.arg_name: param.description for param in params}
    fields = [field for field in dataclasses.fields(config) if field.init]
    for field in fields:
        kind = _argument(field, types[field.name])
        option = option_of(field.name) if "default" in kind else field.name
        parser.add_argument(option, help=docs.get(field.name), **kind)
    try:
        values = parser.instantiate(parser.parse_args(in_one_form(argv, several)))
    except ArgumentError as error:
        names = [field.name for field in fields] if "not accepted" in str(error) else []
        if "unrecognized" in str(error):
            names = [option_of(field.name) for field in fields if _has_default(field)]
        valid = f"there is {', '.join(names)}; " if names else ""
        problem = " ".join(str(error).split())
        raise UserError(f"{problem}; {valid}see `{prog} --help`") from error
    except ValueError as error:  # a configuration that checks itself
        raise UserError(str(error)) from error
    given = {field.name: values[field.name] for field in fields}
    return config(**{k: tuple(v) if _is_sequence(types[k]) else v for k, v in given.items()})


@cache
def _parse_plain_yaml_only() -> None:
    """Let jsonargparse read only what `safe_yaml` lets pass, files named in files included."""
    from jsonargparse import get_loader, set_loader

    load = get_loader("yaml")

    def load_plain(text: str) -> Any:
        parse_yaml(text, "YAML")
        return load(text)

    set_loader("yaml", load_plain, (YAMLError, UserError))


def _given(name: str, argv: Sequence[str]) -> Any:
    """The last value of an option, before it is known which others there are; None without one."""
    values = [read_yaml(file).get(name) for file in _config_files(argv)]
    values += [text.partition("=")[2] for text in argv if text.startswith(f"--{name}=")]
    values += [after for option, after in pairwise(argv) if option == f"--{name}"]
    return next((value for value in reversed(values) if value is not None), None)


def _config_files(argv: Sequence[str]) -> list[Path]:
    """The files that `--config` names."""
    given = [text.partition("=")[2] for text in argv if text.startswith("--config=")]
    given += [after for option, after in pairwise(argv) if option == "--config"]
    return [Path(name) for name in given if Path(name).is_file()]


def _argument(field: dataclasses.Field[Any], kind: Any) -> dict[str, Any]:
    """How argparse is told about a field of type `kind`."""
    from jsonargparse import ActionYesNo

    argument: dict[str, Any] = {"type": kind}
    if field.default_factory is not dataclasses.MISSING:
        argument["default"] = field.default_factory()
    elif field.default is not dataclasses.MISSING:
        argument["default"] = field.default
    if kind is bool:
        argument["action"] = ActionYesNo(no_prefix="no-")
        del argument["type"]
    elif _is_sequence(kind):
        argument |= {"type": get_args(kind)[0], "nargs": "+"}
        if "default" in argument:
            argument["default"] = list(argument["default"])
    return argument


def _has_default(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def _is_sequence(kind: Any) -> bool:
    """Whether `kind` is tuple[X, ...]."""
    return get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis


if __name__ == "__main__":
    sys.exit(main())
