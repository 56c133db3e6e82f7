"""Installs for colcon (`colcon build`) and for pip (`pip install .`)."""

import os
import sys
from glob import glob

from setuptools import find_packages, setup

package_name = "wm_planner"


def tree(folder):
    """(share folder, files) of every folder below `folder`, which is installed as it is."""
    return [
        (os.path.join("share", package_name, path), [os.path.join(path, name) for name in names])
        for path, _, names in os.walk(folder)
        if names and "__pycache__" not in path
    ]


data_files = [
    ("share/ament_index/resource_index/packages", [f"resource/{package_name}"]),
    (f"share/{package_name}", ["package.xml"]),
    *tree("config"),
    *tree("launch"),
    *tree("models"),
]
# ROS looks for executables in lib/<package>. colcon puts the console scripts there (setup.cfg);
# a wheel cannot, pip puts them into bin/: so it carries launchers that start those.
if {"bdist_wheel", "editable_wheel"} & set(sys.argv):
    data_files.append((f"lib/{package_name}", sorted(glob("resource/launchers/*"))))

setup(
    name=package_name,
    version="0.1.0",
    packages=find_packages(include=[package_name, f"{package_name}.*"]),
    package_data={
        f"{package_name}.evaluation.report": ["*.j2"],
        f"{package_name}.play.web": ["*.css", "*.html", "*.js"],
        f"{package_name}.world_models.td_latent": ["*.cpp"],
    },
    data_files=data_files,
    python_requires=">=3.10",
    # Names only; tested versions are in requirements.txt. ROS itself (rclpy, messages) is in
    # package.xml: on a machine without ROS, requirements.txt has it from PyPI.
    install_requires=[
        "aiohttp",
        "einops",
        "gymnasium",
        "h5py",
        "jinja2",
        "jsonargparse[signatures]",
        "mink",
        "mujoco",
        "numpy",
        "opencv-python-headless",
        "pytorch-lightning",
        "PyYAML",
        "qpsolvers[daqp]",
        "rosbags",
        "rosbags-image",
        "ruckig",
        "safetensors",
        "scipy",
        "tensorboard",
        "torch",
        "torchmetrics",
        "tqdm",
    ],
    extras_require={
        # `wm_planner bench`: planners to compare with, and the picture.
        "bench": ["imageio", "matplotlib", "pytorch-mppi", "stable-worldmodel", "torchrl"],
        # `wm_planner import` and `export` of LeRobot datasets: parquet, and videos.
        "lerobot": ["av", "pyarrow"],
        # `wm_planner serve`, and planners that ask a policy server: openpi's messages.
        "server": ["msgpack"],
    },
    zip_safe=False,
    maintainer="wm_planner developers",
    maintainer_email="wm_planner@users.noreply.github.com",
    description="Plan robot motion from camera frames by imagining it in a learned world model.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "wm_planner = wm_planner.cli:main",
            "planner_node = wm_planner.nodes.planner_node:main",
            "play_node = wm_planner.nodes.play_node:main",
            "record_node = wm_planner.nodes.record.record_node:main",
            "sim_node = wm_planner.nodes.sim_node:main",
            "teleop_node = wm_planner.nodes.record.teleop_node:main",
            "trials_node = wm_planner.nodes.trials_node:main",
        ],
    },
)
