"""Where the pages' templates are, and how they are filled in."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

_ENVIRONMENT = Environment(
    loader=PackageLoader("wm_planner.evaluation", "report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def template(name: str) -> Template:
    """A template of this folder, by its file's name; a value that is missing is an error."""
    return _ENVIRONMENT.get_template(name)
