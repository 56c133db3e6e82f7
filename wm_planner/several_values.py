"""Options that take several values: `--data a b` and `--data '[a, b]'` mean the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any, get_origin, get_type_hints

import yaml

from wm_planner.errors import UserError


def options_for_several(config: type, prefix: str = "") -> Iterator[str]:
    """Fields of a config dataclass that are tuples, as options; those of its parts are dotted."""
    types = get_type_hints(config)
    for field in dataclasses.fields(config):
        kind, name = types[field.name], f"{prefix}{field.name}"
        if get_origin(kind) is tuple:
            yield f"--{name}" if prefix else option_of(name)
        elif dataclasses.is_dataclass(kind) and isinstance(kind, type):
            yield from options_for_several(kind, f"{name}.")


def option_of(name: str) -> str:
    """How a field of a command's config is called on the command line."""
    return f"--{name.replace('_', '-')}"


def in_one_form(argv: Sequence[str], options: Sequence[str]) -> list[str]:
    """`argv` as jsonargparse wants it: a config's own options `--data a b`, a part's `--x.y=[a,b]`.

    A list that cannot be read is a UserError.
    """
    rewritten: list[str] = []
    rest = list(argv)
    while rest:
        token = rest.pop(0)
        option, equals, value = token.partition("=")
        if option not in options:
            rewritten.append(token)
            continue
        given = [value] if equals else list(takewhile(_is_value, rest))
        rest = rest if equals else rest[len(given) :]
        values = _listed(option, given) if given and given[0].startswith("[") else given
        if "." not in option:
            rewritten += [option, *values]
        else:
            rewritten.append(f"{option}=[{','.join(values)}]")
    return rewritten


def _is_value(token: str) -> bool:
    """Whether it is none of the options; negative numbers are values."""
    return not token.startswith("-") or token[1:2].isdigit() or token[1:2] == "."


def _listed(option: str, given: list[str]) -> list[str]:
    """The values of a list, as they are written in it; a shell may have split it at its spaces."""
    text = " ".join(given)
    try:
        values = yaml.load(text, Loader=yaml.BaseLoader)  # which leaves all values text
    except yaml.YAMLError:
        values = None
    kinds = {type(value) for value in values} if isinstance(values, list) else {None}
    if kinds not in (set(), {str}, {list}):
        raise UserError(
            f"{option}: {text} is no list of plain values; expected `{option} a b`, or "
            f"`{option} '[a, b]'`"
        )
    return [value if isinstance(value, str) else _written(value) for value in values or ()]


def _written(values: list[Any]) -> str:
    """A list in a list as it was written, without its spaces."""
    parts = [_written(value) if isinstance(value, list) else str(value) for value in values]
    return f"[{','.join(parts)}]"
