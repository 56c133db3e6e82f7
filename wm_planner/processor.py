"""Which processor this is, what measurements are remembered by, and how PyTorch is to use it."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

import torch

_LIMITS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")  # make a processor look like a lesser one

_TELLING = ("model", "model name", "flags", "CPU implementer", "CPU part", "Features")


def configure_torch(threads: int = 1) -> None:
    """Have PyTorch use so many threads in this process, and take denormal numbers for zero.

    Those are many times slower than others, and next to nothing.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def processor_name() -> str:
    """As its maker calls it; where nothing says that, the architecture and what is known."""
    core = _first_core()
    if name := core.get("model name"):
        return name
    known = [f"{key} {core[key]}" for key in ("CPU implementer", "CPU part") if key in core]
    return " ".join([platform.machine(), *known])


def processor_class() -> str:
    """What PyTorch uses of it: AMX, AVX512, AVX2, NEON, SVE256, or DEFAULT for less."""
    capability = torch.backends.cpu.get_cpu_capability()
    if platform.machine() in ("aarch64", "arm64") and capability == "DEFAULT":
        return "NEON"
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return "AMX" if capability == "AVX512" and capabilities.get("amx_bf16") else capability


def fingerprint() -> str:
    """The same as long as compiled code and measured speeds stay what they are."""
    core = _first_core()
    told = [core.get(key, "") for key in _TELLING]
    told += [platform.machine(), torch.__version__, *(os.environ.get(x, "") for x in _LIMITS)]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()[:16]


def cache_dir() -> Path:
    """Where what belongs to this machine is kept: XDG_CACHE_HOME or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wm_planner"


def _first_core() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":")[::2] for line in lines)
    return {key.strip(): value.strip() for key, value in pairs}
