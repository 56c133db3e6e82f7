"""Share folders are found in a checkout and once installed; unknown names list the known ones."""

from pathlib import Path

import pytest

from wm_planner.errors import UserError
from wm_planner.paths import config_dir, mjcf_dir, model_dir, robot_config, share_dir
from wm_planner.world_models.store import read_config


def make_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("family: td_latent\n")
    return folder


def test_share_dir_of_a_checkout_is_the_folder_beside_the_package():
    assert (share_dir() / "package.xml").is_file()
    assert config_dir().is_dir()
    assert (mjcf_dir() / "panda.xml").is_file()


@pytest.mark.parametrize(
    "site", ["lib/python3.11/site-packages", "local/lib/python3.12/dist-packages"]
)
def test_share_dir_of_an_installation_is_in_the_prefix_of_the_package(tmp_path, site):
    package = tmp_path / site / "wm_planner"
    package.mkdir(parents=True)
    share = tmp_path / "share" / "wm_planner"
    share.mkdir(parents=True)
    (share / "package.xml").touch()
    assert share_dir(package) == share


def test_a_missing_share_folder_names_what_was_searched(tmp_path):
    package = tmp_path / "lib" / "wm_planner"
    with pytest.raises(UserError, match=rf"{tmp_path}/share/wm_planner.*make setup"):
        share_dir(package)


def test_robot_config_takes_a_name_or_a_file(tmp_path):
    own = tmp_path / "own.yaml"
    own.touch()
    assert robot_config("panda") == config_dir() / "robots" / "panda.yaml"
    assert robot_config(own) == own


def test_an_unknown_robot_lists_the_known_ones():
    with pytest.raises(UserError, match=r"unknown robot 'r2d2': known are .*panda"):
        robot_config("r2d2")


def test_model_dir_takes_the_path_of_a_model(tmp_path):
    assert model_dir(make_model(tmp_path / "mine")) == tmp_path / "mine"


def test_every_shipped_model_is_found_by_its_name():
    for config in (share_dir() / "models").glob("*/config.yaml"):
        assert model_dir(config.parent.name) == config.parent


def test_every_shipped_model_says_whether_it_had_privilege():
    for config in (share_dir() / "models").glob("*/config.yaml"):
        assert isinstance(read_config(config).provenance["privileged"], bool), config


def test_the_shipped_weights_are_small_enough_for_a_repository():
    files = (share_dir() / "models").glob("*/model.safetensors")
    assert 0 < sum(file.stat().st_size for file in files) <= 40 * 2**20, "`wm_planner compact`"


def test_a_folder_without_config_is_not_a_model(tmp_path):
    with pytest.raises(UserError, match=r"has no config\.yaml"):
        model_dir(tmp_path)


def test_an_unknown_model_says_what_is_possible():
    with pytest.raises(UserError, match=r"unknown model 'no-such': known are .* or give the path"):
        model_dir("no-such")
