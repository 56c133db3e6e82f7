"""A policy that LeRobot trained, to be served. LeRobot is imported here only."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from wm_planner.advice.names import IMAGE, PROMPT, STATE
from wm_planner.errors import UserError
from wm_planner.serving.policy import numbers, picture, words


@final
class LeRobotPolicy:
    """Answers each question alone; LeRobot's own processors normalise what goes in and out."""

    def __init__(self, checkpoint: Path, device: str) -> None:
        """`checkpoint`: a folder `pretrained_model` that `lerobot-train` wrote."""
        if not (checkpoint / "config.json").is_file():
            raise UserError(
                f"{checkpoint}: no LeRobot policy, which has a config.json; name the folder "
                "checkpoints/last/pretrained_model of its training"
            )
        configs, factory = _lerobot("configs.policies"), _lerobot("policies.factory")
        self._device = device
        try:
            self._load(checkpoint, configs, factory)
        except UserError:
            raise
        except Exception as error:  # LeRobot's, of what it reads, are of many kinds
            reason = " ".join(str(error).split())[:300]
            raise UserError(
                f"{checkpoint}: LeRobot cannot load it: {reason}; was it trained with the version "
                "that is installed here?"
            ) from error

    def _load(self, checkpoint: Path, configs: Any, factory: Any) -> None:
        self._config = configs.PreTrainedConfig.from_pretrained(checkpoint)
        if getattr(self._config, "n_obs_steps", 1) > 1:
            raise UserError(
                f"{checkpoint}: the policy looks at {self._config.n_obs_steps} frames at once, and "
                "a question has one; train it with --policy.n_obs_steps=1"
            )
        self._config.device = self._device
        kind = factory.get_policy_class(self._config.type)
        policy = kind.from_pretrained(checkpoint, config=self._config)
        self._policy = policy.to(self._device).eval()
        self._before, self._after = factory.make_pre_post_processors(
            self._config,
            pretrained_path=str(checkpoint),
            preprocessor_overrides={"device_processor": {"device": self._device}},
        )

    @property
    def metadata(self) -> dict[str, Any]:
        """What is expected and what comes."""
        return {
            "policy": f"LeRobot's {self._config.type}",
            "observations": [*self._config.input_features, PROMPT],
            "actions": list(self._config.output_features["action"].shape),
        }

    @torch.inference_mode()
    def infer(self, question: Mapping[str, Any]) -> np.ndarray:
        """Actions (H, A)."""
        batch: dict[str, Any] = {"task": [words(question, PROMPT)]}
        for name, feature in self._config.input_features.items():
            if name.startswith(IMAGE):
                frame = torch.tensor(picture(question, name)).permute(2, 0, 1)
                batch[name] = frame[None].to(self._device).float() / 255
            elif name == STATE:
                state = numbers(question, name, *feature.shape)
                batch[name] = torch.from_numpy(state)[None].to(self._device)
        chunk = self._after(self._policy.predict_action_chunk(self._before(batch)))
        actions: np.ndarray = chunk[0].float().cpu().numpy()
        return actions


def _lerobot(module: str) -> Any:
    try:
        return import_module(f"lerobot.{module}")
    except ImportError as error:
        raise UserError(
            f"serving LeRobot's policies needs LeRobot, which cannot be imported ({error}); run "
            "this where it is installed: `pip install lerobot 'wm_planner[server]'`"
        ) from error
