"""What happens between updates: models are exported, and Ctrl-C takes effect."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from wm_planner.learning.module import WorldModelModule
from wm_planner.world_models.store import ModelConfig, save_model


class Export(Callback):
    """Writes the model folder, at snapshots and at the end."""

    def __init__(self, model_config: ModelConfig, folder: Path, snapshots: tuple[int, ...]) -> None:
        self._model_config, self._folder = model_config, folder
        self._snapshots = snapshots
        self._started = time.monotonic()
        self._cpu_started = time.process_time()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:  # type: ignore[override]
        if trainer.global_step in self._snapshots:
            self.write(pl_module, self._folder / f"step_{trainer.global_step}")

    def write(self, module: WorldModelModule, directory: Path, **measured: float) -> None:
        """Write the model as it is now; what was `measured` of it is told beside."""
        provenance = {
            **self._model_config.provenance,
            "updates": module.trainer.global_step,
            "wall_minutes": round((time.monotonic() - self._started) / 60, 1),
            "cpu_minutes": round((time.process_time() - self._cpu_started) / 60, 1),
            **measured,
        }
        save_model(
            directory, module.world_model, replace(self._model_config, provenance=provenance)
        )


class Interruption(Callback):
    """Lets Ctrl-C take effect between updates: what is saved is never half of one."""

    def __init__(self) -> None:
        self._wanted = False
        self._before: Any = None

    def on_train_start(self, *_: Any) -> None:
        if threading.current_thread() is threading.main_thread():  # others hear no signals
            self._before = signal.signal(signal.SIGINT, self._note)

    def on_train_batch_end(self, *_: Any) -> None:
        if self._wanted:
            raise KeyboardInterrupt

    def on_train_end(self, *_: Any) -> None:
        self._restore()

    def on_exception(self, *_: Any) -> None:
        self._restore()

    def _note(self, *_: Any) -> None:
        self._wanted = True

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
