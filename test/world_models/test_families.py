"""A family is known to its own folder and to one line of the registry; models name theirs."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from pathlib import Path

import pytest
import yaml
from tiny_families import tiny

from wm_planner.errors import UserError
from wm_planner.world_models.families import DEFAULT, FAMILIES, family_of, find_family
from wm_planner.world_models.family import LossConfig
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.network_config import NetworkConfig
from wm_planner.world_models.store import load_model, read_config

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(path.parent for path in (ROOT / "models").glob("*/config.yaml"))
CODE = [
    path
    for folder in ("wm_planner", "launch", "scripts")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and path.suffix not in (".pyc", ".so")
]
ORDINARY = {"tokens"}  # names that are words of the code anyway
every_family = pytest.mark.parametrize("family", FAMILIES)


def name_of(family: str) -> re.Pattern[str]:
    """How code names a family; an ordinary word, only where it is meant as a name."""
    if family in ORDINARY:
        return re.compile(rf"""['"]{family}['"]|\b{family}\.FAMILY|\b{family.capitalize()}[A-Z]""")
    return re.compile(rf"\b({family}|{family.replace('_', '')})(?!n)", re.IGNORECASE)


@every_family
def test_a_family_is_named_in_its_folder_and_in_the_registry_only(family):
    name = name_of(family)
    places = {path.relative_to(ROOT) for path in CODE if name.search(path.read_text())}
    own = Path("wm_planner/world_models") / family
    assert Path("wm_planner/world_models/families.py") in places
    strangers = {p for p in places if own not in p.parents} - {own.parent / "families.py"}
    assert not strangers


@every_family
def test_a_family_knows_no_other(family):
    others = re.compile("|".join(rf"world_models\.{name}\b" for name in FAMILIES if name != family))
    own = [path for path in CODE if path.parent.name == family]
    assert own
    assert not [path for path in own if others.pattern and others.search(path.read_text())]


@every_family
def test_what_a_family_is_made_of(family):
    found = find_family(family)
    assert found.name == family and found.about
    assert issubclass(found.config, NetworkConfig) and is_dataclass(found.config)
    assert issubclass(found.loss_config, LossConfig) and is_dataclass(found.loss_config)
    model = tiny(family)
    assert isinstance(model, LatentModel)
    assert family_of(model.config) is found


def test_an_unknown_family_lists_those_there_are():
    with pytest.raises(UserError, match=f"unknown family 'dreamer'; there is .*{DEFAULT}"):
        find_family("dreamer")


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_shipped_models_load(folder):
    loaded = load_model(folder)
    assert type(loaded.world_model) is family_of(loaded.config.network).build
    assert loaded.world_model.example().z.isfinite().all() and not loaded.world_model.training


def test_a_format_of_the_future_is_refused(tmp_path):
    values = yaml.safe_load((SHIPPED[0] / "config.yaml").read_text())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**values, "format": 99}))
    with pytest.raises(UserError, match="format is 99, this version reads 1 to"):
        read_config(tmp_path / "config.yaml")
