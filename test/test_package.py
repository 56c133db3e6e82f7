"""What a wheel of this checkout installs, and that package.xml says the same as setup.py."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXECUTABLES = [
    *("planner_node", "play_node", "record_node", "sim_node", "teleop_node", "trials_node"),
    "wm_planner",
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built without writing into the checkout."""
    out = tmp_path_factory.mktemp("wheel")
    egg_info = ["egg_info", "--egg-base", str(out)]
    build = ["build", "--build-base", str(out / "build")]
    bdist = ["bdist_wheel", "--bdist-dir", str(out / "bdist"), "--dist-dir", str(out)]
    command = [sys.executable, "setup.py", "--quiet", *egg_info, *build, *bdist]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    with ZipFile(next(out.glob("*.whl"))) as file:
        yield file


def data(wheel, path):
    """Name in the wheel of what lands at `path` of the prefix."""
    return f"{Path(wheel.filename).name.split('-py3')[0]}.data/data/{path}"


def test_package_xml_and_setup_py_say_the_same(wheel):
    package = ET.parse(ROOT / "package.xml").getroot()
    name = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
    lines = wheel.read(name).decode().splitlines()
    assert package.get("format") == "3"
    assert f"Name: {package.findtext('name')}" in lines
    assert f"Version: {package.findtext('version')}" in lines
    assert f"Summary: {package.findtext('description')}" in lines
    assert package.findtext("export/build_type") == "ament_python"


def test_package_xml_depends_on_nothing_twice():
    package = ET.parse(ROOT / "package.xml").getroot()
    keys = [element.text for element in package if element.tag.endswith("depend")]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("folder", ["config", "launch", "models"])
def test_every_file_of_a_share_folder_is_installed(wheel, folder):
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    expected = {
        data(wheel, f"share/wm_planner/{path.relative_to(ROOT)}")
        for path in files
        if "__pycache__" not in path.parts
    }
    assert expected <= set(wheel.namelist())


def test_ros_finds_the_package_and_its_executables(wheel):
    names = wheel.namelist()
    assert data(wheel, "share/ament_index/resource_index/packages/wm_planner") in names
    assert data(wheel, "share/wm_planner/package.xml") in names
    for executable in EXECUTABLES:
        info = wheel.getinfo(data(wheel, f"lib/wm_planner/{executable}"))
        assert info.external_attr >> 16 & 0o111, f"{executable} is not executable"


def test_every_launcher_has_its_command(wheel):
    name = next(name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    commands = [line.split(" = ")[0] for line in wheel.read(name).decode().splitlines()]
    assert set(EXECUTABLES) <= set(commands)


def test_every_module_is_in_the_wheel(wheel):
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "wm_planner").rglob("*.py")}
    assert modules <= set(wheel.namelist())


def test_the_reports_template_is_in_the_wheel(wheel):
    assert "wm_planner/evaluation/report/page.html.j2" in wheel.namelist()
