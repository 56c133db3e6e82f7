"""YAML from outside: plain values of bounded size and depth, or a UserError that says what is not.

YAML can name objects to build, refer to itself so that a page stands for gigabytes, nest until the
interpreter gives up, and say a key twice. None of that is ever needed here, nor written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from wm_planner.errors import UserError

MAX_BYTES = 2**15  # of a document; the largest that is shipped has a thousand
_MAX_DEPTH = 32
_MAX_SCALAR = 4096  # characters
_MAX_INT = 2**63
_PLAIN = ("null", "bool", "int", "float", "str", "seq", "map")


class PlainLoader(yaml.SafeLoader):
    """Mappings with text as keys, lists, text, numbers, booleans and null; dates stay text."""

    yaml_constructors = {
        f"tag:yaml.org,2002:{name}": yaml.SafeLoader.yaml_constructors[f"tag:yaml.org,2002:{name}"]
        for name in _PLAIN
    } | {None: yaml.SafeLoader.yaml_constructors[None]}
    yaml_implicit_resolvers = {  # noqa: RUF012
        letter: [(tag, text) for tag, text in known if tag.rpartition(":")[2] in _PLAIN]
        for letter, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse references and deep nesting before anything is built of them."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            self._refuse(f"a reference (*{event.anchor}); write out what it stands for", event)
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > _MAX_SCALAR:
            self._refuse(f"a value longer than {_MAX_SCALAR} characters", event)
        if self._depth >= _MAX_DEPTH:
            self._refuse(f"more than {_MAX_DEPTH} levels", event)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Any]:
        """Every key once, and each of them text."""
        if not isinstance(node, yaml.MappingNode):
            self._refuse("something else where a mapping was announced", node)
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                self._refuse(f"the key {str(key)[:40]!r}, which is no text; quote it", key_node)
            if key in values:
                self._refuse(f"the key {key[:40]!r} twice", key_node)
            values[key] = self.construct_object(value_node, deep=deep)
        return values

    def construct_yaml_int(self, node: Any) -> int:
        """Numbers that fit into 64 bits."""
        value = super().construct_yaml_int(node)
        if not -_MAX_INT <= value < _MAX_INT:
            self._refuse("a whole number of more than 64 bits", node)
        return value

    def _refuse(self, what: str, place: Any) -> None:
        raise yaml.constructor.ConstructorError(None, None, f"holds {what}", place.start_mark)


PlainLoader.add_constructor("tag:yaml.org,2002:int", PlainLoader.construct_yaml_int)


def read_yaml(path: Path, limit: int = MAX_BYTES) -> dict[str, Any]:
    """The mapping that a YAML file holds, or a UserError that says what is wrong with it."""
    values = parse_yaml(read_text(path, limit), str(path), limit)
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected a mapping of settings, got {type(values).__name__}")
    return values


def parse_yaml(text: str, name: str, limit: int = MAX_BYTES) -> Any:
    """The plain value that `text` from `name` stands for."""
    if len(text) > limit:
        raise UserError(f"{name}: {len(text)} characters, at most {limit} are read")
    try:
        return yaml.load(text, Loader=PlainLoader)
    except yaml.YAMLError as error:
        raise UserError(f"{name}: not YAML: {_where(error)}") from error
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise UserError(f"{name}: not YAML: a value is not of the type it says: {error}") from error
    except RecursionError as error:
        raise UserError(f"{name}: not YAML: nested too deeply") from error


def _where(error: yaml.YAMLError) -> str:
    """What a YAML error says, in a line."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"{getattr(error, 'problem', error)} (line {mark.line + 1}, column {mark.column + 1})"


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """The UTF-8 text of a regular file of at most `limit` bytes."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > limit:
        raise UserError(f"{path}: more than the {limit} bytes that are read of such a file")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text in UTF-8: {error}") from error


def write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    """Write values, tuples as lists; the file appears whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(yaml.safe_dump(_plain(values), sort_keys=False, default_flow_style=None))
    partial.replace(path)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value
