"""Fit a world model to datasets: one run of the optimiser, resumable, into one folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint, TQDMProgressBar
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from wm_planner.learning.calibrated import calibrated
from wm_planner.learning.callbacks import Export, Interruption
from wm_planner.learning.embodiment import embodiment
from wm_planner.learning.going_on import go_on_from, vocabulary
from wm_planner.learning.module import LOGGED_EVERY, WorldModelModule
from wm_planner.learning.precision import training_dtype
from wm_planner.learning.sequences import EpisodeStore, SequenceDataset
from wm_planner.learning.train_config import TrainConfig
from wm_planner.processor import configure_torch
from wm_planner.provenance import git_revision, machine
from wm_planner.world_models.families import find_family
from wm_planner.world_models.model_config import PRIVILEGED, TASKS, ModelConfig
from wm_planner.world_models.store import LoadedModel, channels_last, check_device, load_model


def fit(config: TrainConfig, datasets: list[Path], folder: Path, start: Path | None = None) -> None:
    """Optimise `config.updates` steps and write the model to `folder`.

    Starts from the weights of model `start`, else at random. A run that was interrupted goes on
    from <folder>/checkpoints, to the same weights as one that was not.
    """
    device = check_device(config.device)
    configure_torch(config.threads)
    dtype = training_dtype(config.precision, device)
    pl.seed_everything(config.seed, verbose=False)
    discount, size = config.network.discount, config.network.image_size
    robot = embodiment(config.robot, datasets)
    store = EpisodeStore(
        datasets,
        config.cameras,
        size,
        discount,
        config.episodes or None,
        config.privileged,
        robot.action_space.switches,
        config.held_out,
    )
    earlier = None if start is None else load_model(start)
    network = replace(
        config.network,
        cameras=len(config.cameras),
        proprio_size=store.proprio.shape[-1],
        action_size=store.actions.shape[-1],
        switches=robot.action_space.switches,
        landmark_size=store.landmarks.shape[-1],
        vocabulary=vocabulary(config.network, store.instructions, earlier),
    )
    world_model = find_family(config.family).build(network)
    provenance = _provenance(config, datasets, store, dtype, earlier)
    if earlier is not None:
        go_on_from(earlier, world_model)
    channels_last(world_model)
    module = WorldModelModule(world_model, config.loss, config.updates, config.seed)
    if start is not None:
        module.losses.go_on()
    rate = robot.control_rate_hz
    described = ModelConfig(config.task, config.robot, config.cameras, rate, network, provenance)
    export = Export(described, folder, config.snapshots)
    last = folder / "checkpoints" / "last.ckpt"
    trainer = _trainer(config, device, dtype, export, folder)
    batches = SequenceDataset(
        store,
        config.horizon,
        config.batch_size,
        config.shift,
        config.colour,
        config.seed,
        reached=lambda: trainer.global_step,
        unfelt=config.unfelt,
        cover=config.cover,
        vocabulary=network.vocabulary,
    )
    try:
        trainer.fit(
            module,
            DataLoader(batches, batch_size=None),
            ckpt_path=last if last.exists() else None,
            weights_only=True,
        )
    except SystemExit as interrupted:  # Lightning's answer to Ctrl-C
        raise KeyboardInterrupt from interrupted
    learns_rewards = find_family(config.family).rewards  # else it is a policy towards goals
    export.write(module, folder, **(calibrated(world_model, store) if learns_rewards else {}))


def _trainer(
    config: TrainConfig, device: torch.device, dtype: torch.dtype, export: Export, folder: Path
) -> pl.Trainer:
    checkpoint = ModelCheckpoint(
        folder / "checkpoints",
        filename="last",  # also when interrupted
        save_last=True,
        save_top_k=0,
        save_on_exception=True,
        every_n_train_steps=250,
        enable_version_counter=False,
    )
    return pl.Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1,
        precision="bf16-mixed" if dtype == torch.bfloat16 else "32-true",
        max_steps=config.updates,
        max_epochs=-1,
        callbacks=[checkpoint, export, Interruption(), TQDMProgressBar(refresh_rate=10)],
        logger=TensorBoardLogger(folder, name="", version="logs"),
        log_every_n_steps=LOGGED_EVERY,
        enable_model_summary=False,
        default_root_dir=folder,
    )


def _provenance(
    config: TrainConfig,
    datasets: list[Path],
    store: EpisodeStore,
    dtype: torch.dtype,
    earlier: LoadedModel | None,
) -> dict[str, Any]:
    told = bool(config.network.instruction_size)  # else the data alone say what it is to do now
    before = earlier.config.tasks if told and earlier is not None else ()
    tasks = list(dict.fromkeys((config.task, *before, *store.tasks)))
    return {
        **({TASKS: tasks} if len(tasks) > 1 else {}),
        "data": [path.name for path in datasets],
        "episodes": store.episodes,
        "steps": store.steps,
        "seed": config.seed,
        PRIVILEGED: config.privileged or (earlier is not None and earlier.config.privileged),
        "precision": str(dtype).removeprefix("torch."),
        "machine": machine(config.device),
        "git": git_revision(),
        **({} if earlier is None else {"before": earlier.config.provenance}),
    }
