"""`wm_planner play --web`."""

from __future__ import annotations

import asyncio
import contextlib

from wm_planner.paths import model_dir
from wm_planner.planning import PlannerConfig
from wm_planner.play.config import PlayConfig
from wm_planner.play.dream import Dream
from wm_planner.play.drivers import DreamPlanner
from wm_planner.play.game import Game
from wm_planner.play.web.serve import Page, serve
from wm_planner.world_models.store import load_model


def play_in_browser(config: PlayConfig) -> None:
    """Serve the page until Ctrl-C; prints its address, and at the end how fast it went."""
    model = load_model(model_dir(config.model), config.device)
    games: list[Game] = []

    def begin() -> Game:
        dream = Dream(model, config.device, config.seed)
        games.append(Game(dream, config.seed, lambda: DreamPlanner(model, PlannerConfig())))
        return games[0]

    rate = config.rate_hz or model.config.control_rate_hz
    title = f"{config.model}: the world model's dream of task {model.config.task}"
    page = Page(title, config.port, rate, config.threads)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(begin, page, lambda at: print(f"{at} (Ctrl-C ends)", flush=True)))
    for game in games:
        view = game.view()
        if view.steps:
            print(f"{view.steps} steps, {view.frames_per_s:.0f} frames/s could be shown")
