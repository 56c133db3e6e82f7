"""An arm's description becomes its file and simulation; what is not known is asked or named."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest
import yaml
from small_arm import small_arm

from wm_planner.assembly import build_arm
from wm_planner.commands.robot.add import RobotAddConfig, add_robot
from wm_planner.commands.robot.chain import find_chain
from wm_planner.commands.robot.check import RobotCheckConfig, check_robot
from wm_planner.commands.robot.description import read_description
from wm_planner.commands.robot.simulated import drive, isolate
from wm_planner.commands.robot.suction import ACTUATOR, add_suction, find_cup, measure_cup
from wm_planner.control.robot_config import RobotConfig
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.errors import UserError
from wm_planner.paths import mjcf_dir


@pytest.fixture
def urdf(tmp_path) -> Path:
    file = tmp_path / "small.urdf"
    file.write_text(small_arm())
    return file


@pytest.fixture(scope="module")
def added(tmp_path_factory) -> tuple[Path, int, str]:
    """The file of the small arm, the exit code, and what was said."""
    folder = tmp_path_factory.mktemp("robot")
    urdf = folder / "small.urdf"
    urdf.write_text(small_arm())
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("builtins.print", lambda *text: said.append(" ".join(map(str, text))))
        wanted = RobotAddConfig("small", urdf=urdf, hand_body="hand", out=folder / "robots")
        code = add_robot(wanted)
    return folder / "robots" / "small.yaml", code, "\n".join(said)


def test_the_arm_passes_its_check_and_is_drawn(added):
    file, code, said = added
    assert code == 0, said
    assert (file.parent.parent / "out" / "robot_small.png").stat().st_size > 10_000


def test_joints_limits_and_gripper_are_those_of_the_description(added):
    robot = RobotConfig.load(added[0])
    assert robot.arm_joints == ("j1", "j2", "j3", "j4", "j5", "j6")
    assert robot.velocity == (2.5,) * 6
    assert robot.lower == (-2.9,) * 6 and robot.upper == (2.9,) * 6
    assert (robot.finger_joint, robot.finger_unit) == ("finger_joint", "m")
    assert robot.finger_range == (0.0, 0.035)
    assert robot.finger_opening == pytest.approx(0.07, abs=1e-3)
    assert set(robot.finger_bodies) == {"left", "right"}


def test_what_is_not_known_is_a_named_gap_in_the_file(added):
    text = added[0].read_text()
    gaps = [line for line in text.splitlines() if line.startswith("# gap: ")]
    assert any("acceleration" in gap for gap in gaps)
    assert any("jerk" in gap for gap in gaps)
    assert any("gains of" in gap for gap in gaps)
    assert not any("velocity limits" in gap for gap in gaps), "the URDF tells them"
    assert all(gap.removeprefix("# ") in added[2] for gap in gaps), "they are said as well"


def test_at_home_the_hand_points_down_and_closes_sideways(added):
    robot = RobotConfig.load(added[0])
    model = mujoco.MjModel.from_xml_path(str(robot.mjcf_path))
    data = mujoco.MjData(model)
    data.qpos[[model.joint(name).qposadr[0] for name in robot.arm_joints]] = robot.home
    mujoco.mj_kinematics(model, data)
    site = data.site(robot.hand_site)
    assert site.xmat.reshape(3, 3) == pytest.approx(np.diag([1, -1, -1]), abs=0.03)
    assert (site.xpos > robot.workspace_lower).all() and (site.xpos < robot.workspace_upper).all()


def test_the_simulation_has_it_with_a_camera_on_its_hand(added):
    env = ManipulationEnv(EnvConfig(robot=str(added[0]), image_size=32))
    observation, _ = env.reset(seed=0)
    assert observation["wrist"].std() > 3
    start = env.simulation.joint_state().positions
    for _ in range(10):
        env.step(np.array([0.0, 0.0, 0.0, -1.0]))
    moved = env.simulation.joint_state().positions
    assert moved[:-1] == pytest.approx(start[:-1], abs=0.03)
    assert moved[-1] < 0.01 < start[-1]
    followers = env.simulation.data.joint("follower").qpos
    assert followers == pytest.approx(moved[-1:], abs=2e-3)
    env.close()


@pytest.mark.slow
def test_the_shipped_arm_is_found_again_in_its_own_mjcf(tmp_path, monkeypatch):
    """A linkage whose joints have no limits told by a URDF, and whose driver is closed high."""
    monkeypatch.chdir(tmp_path)
    wanted = RobotAddConfig(
        "again", mjcf=mjcf_dir() / "ur5e.xml", hand_site="robotiq_85_tcp", out=tmp_path
    )
    assert add_robot(wanted) == 0
    robot, shipped = RobotConfig.load(tmp_path / "again.yaml"), build_arm("ur5e").config
    assert robot.arm_joints == shipped.arm_joints
    assert robot.finger_joint == shipped.finger_joint
    assert robot.finger_range == shipped.finger_range == (0.8, 0.0)
    assert robot.finger_opening == pytest.approx(shipped.finger_opening, abs=0.01)


def config(tmp_path: Path, **changes) -> RobotAddConfig:
    return RobotAddConfig(**{"name": "small", "out": tmp_path / "robots"} | changes)


def test_a_hand_that_nothing_names_is_asked_for(tmp_path, urdf):
    with pytest.raises(UserError, match=r"give --hand-body, one of .*base.*hand"):
        add_robot(config(tmp_path, urdf=urdf))


def test_a_robot_that_is_there_already_is_not_written_over(tmp_path, urdf):
    (tmp_path / "robots").mkdir()
    (tmp_path / "robots/small.yaml").write_text("mine")
    with pytest.raises(UserError, match="is there already"):
        add_robot(config(tmp_path, urdf=urdf, hand_body="hand"))
    assert (tmp_path / "robots/small.yaml").read_text() == "mine"


def test_a_missing_mesh_is_named_and_can_be_left_out(tmp_path):
    urdf = tmp_path / "small.urdf"
    urdf.write_text(small_arm("package://small_description/upper.stl"))
    with pytest.raises(UserError, match=r"package://small_description/upper.stl' is missing"):
        add_robot(config(tmp_path, urdf=urdf, hand_body="hand"))


def test_a_mesh_of_a_package_is_found_above_the_description(tmp_path):
    folder = tmp_path / "small_description"
    (folder / "urdf").mkdir(parents=True)
    urdf = folder / "urdf" / "small.urdf"
    urdf.write_text(small_arm("package://small_description/meshes/upper.obj"))
    (folder / "meshes").mkdir()
    corners = [(0, 0, 0), (0.1, 0, 0), (0, 0.1, 0), (0, 0, 0.3)]
    faces = [(1, 3, 2), (1, 2, 4), (2, 3, 4), (1, 4, 3)]
    (folder / "meshes" / "upper.obj").write_text(
        "".join(f"v {x} {y} {z}\n" for x, y, z in corners)
        + "".join(f"f {a} {b} {c}\n" for a, b, c in faces)
    )
    found = read_description(urdf, None, None, without_meshes=False)
    assert found.spec.compile().nmesh == 1
    bare = read_description(urdf, None, None, without_meshes=True)
    assert bare.spec.compile().nmesh == 0
    assert any("meshes were left out" in gap for gap in bare.gaps)


def test_an_srdf_says_which_links_may_touch_and_where_the_hand_is(tmp_path, urdf):
    srdf = tmp_path / "small.srdf"
    srdf.write_text(
        '<robot name="small"><end_effector name="g" parent_link="hand" group="g"/>'
        '<disable_collisions link1="upper" link2="wrist"/></robot>'
    )
    found = read_description(urdf, None, srdf, without_meshes=False)
    assert (found.hand, found.apart) == ("hand", [("upper", "wrist")])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "UR 5"}, "name is 'UR 5'"),
        ({"name": ""}, "--name ur5e"),
        ({"rotation": "roll"}, "rotation is 'roll'"),
        ({"hand_site": "a", "hand_body": "b"}, "leave one out"),
    ],
)
def test_wrong_options_are_named(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        config(tmp_path, **changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [("not xml", "is no XML"), ("<robot><link/></robot>", "MuJoCo cannot read it")],
)
def test_what_is_no_description_is_refused(tmp_path, text, message):
    urdf = tmp_path / "bad.urdf"
    urdf.write_text(text)
    with pytest.raises(UserError, match=message):
        add_robot(config(tmp_path, urdf=urdf, hand_body="hand"))


def test_no_description_and_a_xacro_are_refused(tmp_path):
    with pytest.raises(UserError, match="--urdf FILE or --mjcf FILE"):
        add_robot(config(tmp_path))
    (tmp_path / "a.xacro").write_text("<robot/>")
    with pytest.raises(UserError, match="expand it first"):
        add_robot(config(tmp_path, urdf=tmp_path / "a.xacro"))


def test_a_file_that_does_not_fit_its_mjcf_fails_its_check(tmp_path, added, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load(added[0].read_text())
    (tmp_path / "small.xml").write_bytes(added[0].with_suffix(".xml").read_bytes())
    file = tmp_path / "other.yaml"
    file.write_text(yaml.safe_dump(values | {"upper": [3.1] * 6}))
    assert check_robot(RobotCheckConfig(str(file))) == 1
    file.write_text(yaml.safe_dump(values | {"hand_site": "nowhere"}))
    with pytest.raises(UserError, match=r"has no site \['nowhere'\]"):
        check_robot(RobotCheckConfig(str(file)))


@pytest.fixture
def cup_urdf(tmp_path) -> Path:
    file = tmp_path / "cup.urdf"
    file.write_text(small_arm(cup=True))
    return file


def test_a_suction_cup_is_measured_to_its_lip(cup_urdf):
    description = read_description(cup_urdf, None, None, False)
    cup = find_cup(description, "cup")
    chain = find_chain(description.spec, "", "cup")
    isolate(description, chain)
    drive(description, chain, "")
    add_suction(description, cup)
    model = description.spec.compile()
    found = measure_cup(model, chain, cup)
    assert chain.hand == "hand" and chain.others == ()
    np.testing.assert_allclose(found.position, [0, 0, 0.13], atol=1e-9)
    np.testing.assert_allclose(found.axes[:, 2], [0, 0, 1])
    assert np.linalg.det(found.axes) == pytest.approx(1)
    adhesion = model.actuator(ACTUATOR)
    assert model.body(int(adhesion.trnid[0])).name == "cup"
    assert adhesion.ctrlrange.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"suction": "cupp"}, r"suction is 'cupp', but there is no such body or site.*cup"),
        ({"hand_body": "cup"}, "if that is a suction cup, name its body .* with --suction"),
    ],
)
def test_a_hand_without_a_joint_must_be_named(cup_urdf, tmp_path, changes, told):
    with pytest.raises(UserError, match=told):
        add_robot(RobotAddConfig("small", urdf=cup_urdf, out=tmp_path / "out", **changes))


def test_suction_names_the_hand_alone(cup_urdf):
    with pytest.raises(UserError, match="leave hand_site, hand_body and gripper_joint out"):
        RobotAddConfig("small", urdf=cup_urdf, suction="cup", hand_body="hand")


@pytest.mark.slow
def test_an_arm_with_a_suction_cup_passes_its_check_and_lifts(cup_urdf, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wanted = RobotAddConfig("smallcup", urdf=cup_urdf, suction="cup", out=tmp_path / "robots")
    assert add_robot(wanted) == 0
    env = ManipulationEnv(EnvConfig("grasp", str(wanted.file), cameras=()))
    _, info = env.reset(seed=5_000_000)
    for _ in range(env.time_limit):
        *_, info = env.step(info["expert"])
        if info["success"]:
            return
    raise AssertionError("the expert failed")
