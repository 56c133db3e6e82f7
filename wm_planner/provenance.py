"""Where results come from: the code's revision and the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import torch

from wm_planner.processor import processor_class, processor_name


def git_revision() -> str:
    """Short revision of the checkout, or 'unknown' outside one."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # no git here
        return "unknown"
    return result.stdout.strip() or "unknown"


def machine(device: str) -> dict[str, str]:
    """What `device` of this machine is, and the torch that runs on it."""
    cuda = device.startswith("cuda") and torch.cuda.is_available()
    return {
        "processor": torch.cuda.get_device_name(device) if cuda else processor_name(),
        "class": "CUDA" if cuda else processor_class(),
        "device": device,
        "torch": str(torch.__version__),
    }
