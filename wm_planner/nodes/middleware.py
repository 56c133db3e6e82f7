"""What carries ROS's messages here."""

from __future__ import annotations

import shutil
from typing import Any

import rclpy


def middleware() -> dict[str, Any]:
    """Its implementation, and the shared memory that is free for camera frames, in MB."""
    return {
        "implementation": rclpy.get_rmw_implementation_identifier(),
        "shared_memory_mb": round(shutil.disk_usage("/dev/shm").free / 2**20),
    }
