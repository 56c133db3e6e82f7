"""The report says what happened, needs no network, and fits a laptop and a phone."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from wm_planner.errors import UserError
from wm_planner.evaluation.records import Trial, TrialLog
from wm_planner.evaluation.report import write_report
from wm_planner.evaluation.report.page import realised_returns

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
SETTINGS = {
    "task": "grasp",
    "planner": "mppi",
    "stages": ["reach", "lift", "hold"],
    "over": "process",
    "config": {"time_limit": 10.0, "disturbances": {"push": 0.0}},
    "model": {
        "name": "<b>mine</b>",
        "sha256": "0123456789abcdef",
        "config": {"task": "grasp", "network": {"discount": 0.97}},
        "card": "# A card & more",
    },
    "git": "abc123",
    "machine": {"processor": "a processor", "device": "cpu", "torch": "2.13"},
}


def trial(planner: str, seed: int, success: bool, strip: str = "", stage: int = 0) -> Trial:
    rng = np.random.default_rng(seed)
    imagined = planner.startswith("mppi")
    steps = int(rng.integers(20, 40))
    rewards = np.linspace(0.1, 1.0 if success else 0.4, steps)
    expected = rewards * 30 if imagined else np.full(steps, math.nan)
    times = rng.gamma(40, 1, steps)
    return Trial(
        planner, seed, success, "success" if success else "time limit", steps, steps / 10,
        [stage] * steps, rewards.tolist(), expected.tolist(), times.tolist(),
        (times + 1.5).tolist(), strip,
    )  # fmt: skip


def run(folder: Path, trials: list[Trial], settings: dict[str, Any] = SETTINGS) -> str:
    log = TrialLog(folder, settings)
    for one in trials:
        log.add(one)
    log.close()
    return write_report(folder).read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Twenty trials of which three fail, two of them alike, and three baselines."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "strips").mkdir()
    picture = np.random.default_rng(0).integers(0, 255, (640, 1120, 3), np.uint8)
    cv2.imwrite(str(folder / "strips/mppi_17.png"), picture)
    trials = [trial("mppi", seed, success=True) for seed in range(17)]
    trials.append(trial("mppi", 17, False, "strips/mppi_17.png", stage=1))
    trials.append(trial("mppi", 18, False, "strips/gone.png", stage=1))
    trials.append(trial("mppi", 19, False))
    for name in ("expert", "noop", "mppi without prior"):
        trials += [trial(name, seed, success=name == "expert") for seed in range(20)]
    run(folder, trials)
    return folder


def text_of(folder: Path) -> str:
    """The page's words, without markup."""
    page = (folder / "report.html").read_text()
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def test_the_main_figures_are_there(folder):
    text = text_of(folder)
    assert "85.0 %" in text and "17 of 20" in text and "64.0 to 94.8 %" in text
    assert "does nothing 0/20 0.0 0.0 to 16.1" in text
    assert "scripted expert (privileged) 20/20 100.0 83.9 to 100.0" in text
    assert text.index("MPPI 17/20") < text.index("does nothing") < text.index("scripted expert")


def test_outcome_and_ending_are_told_apart_and_failures_counted(folder):
    text = text_of(folder)
    assert "success 17" in text and "time limit 3" in text
    assert (
        "2 \u00d7 stayed at &#39;lift&#39;" in text and "1 \u00d7 stayed at &#39;reach&#39;" in text
    )
    assert "Failed seeds: 17, 18, 19" in text


def test_film_strips_are_inside_and_a_missing_one_is_said(folder):
    page = (folder / "report.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 1
    assert "No film strip of this trial: strips/gone.png is missing" in page


def test_nothing_is_loaded_from_anywhere(folder):
    page = (folder / "report.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources and all(source.startswith("data:") for source in sources)


def test_text_is_escaped(folder):
    page = (folder / "report.html").read_text()
    assert "<b>mine" not in page and "&lt;b&gt;mine" in page and "A card &amp; more" in page


def test_timings_and_foresight_are_those_of_the_main_planner(folder):
    text = text_of(folder)
    assert re.search(r"plan \d\d\.\d \d\d\.\d \d\d\.\d \d\d\.\d frame to command", text)
    correlation = float(re.search(r"correlation is (-?[\d.]+)", text).group(1))
    assert -1 <= correlation <= 1


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([trial("mppi", 1, True)], "100.0 %"),
        ([trial("mppi", 1, False)], "No trial succeeded"),
        ([trial("noop", 1, False)], "This planner imagines nothing"),
    ],
)
def test_a_run_of_one_trial_has_a_report(tmp_path, trials, expected):
    assert expected in run(tmp_path, trials)


def test_a_trial_that_never_began_has_a_report(tmp_path):
    nothing = Trial("mppi", 1, False, "fault", 0, 0.0, [], [], [], [], [])
    assert "1 \u00d7 fault" in run(tmp_path, [nothing])


@pytest.mark.parametrize("missing", SETTINGS)
def test_what_the_settings_leave_out_the_page_leaves_out(tmp_path, missing):
    settings = {key: value for key, value in SETTINGS.items() if key != missing}
    assert "0 of 1" in re.sub(r"<[^>]*>", "", run(tmp_path, [trial("mppi", 1, False)], settings))


def test_figures_of_a_baseline_do_not_pass_for_the_planners(tmp_path):
    page = run(tmp_path, [trial("noop", 1, False)])
    assert "No trial of MPPI has finished" in page


def test_planners_that_ran_other_seeds_are_not_said_to_have_run_the_same(tmp_path):
    page = run(tmp_path, [trial("mppi", 1, True), trial("mppi", 2, True), trial("noop", 1, False)])
    assert "All planners started from the same seeds" not in page
    assert "Not every planner has run every seed" in page


def test_failures_that_have_a_film_strip_are_shown_first(tmp_path):
    trials = [trial("mppi", seed, False) for seed in range(3)]
    assert "strips/gone.png" in run(tmp_path, [*trials, trial("mppi", 9, False, "strips/gone.png")])


def test_a_video_is_linked_where_it_is_there(tmp_path):
    name = "videos/a #1.mp4"
    there = trial("mppi", 1, False)._replace(video=name)
    gone = trial("mppi", 2, False)._replace(video="videos/gone.mp4")
    (tmp_path / "videos").mkdir()
    (tmp_path / name).touch()
    page = run(tmp_path, [there, gone])
    assert 'href="videos/a%20%231.mp4"' in page and "gone.mp4" not in page


def test_a_folder_without_trials_is_named(tmp_path):
    with pytest.raises(UserError, match=r"settings\.json: no such file"):
        write_report(tmp_path)


def test_realised_returns_go_on_with_the_last_reward():
    assert realised_returns([1.0, 0.0, 2.0], 0.5) == [1 + 0.5 * (0 + 0.5 * 4), 0 + 0.5 * 4, 4.0]
    assert realised_returns([], 0.9) == []


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_the_screen_in_a_real_browser(folder, tmp_path, width):
    """The page is shown in a frame of that width (headless windows have a least width)."""
    probe = tmp_path / "probe.html"
    probe.write_text(
        f"<iframe id=f style='border:0;width:{width}px;height:900px' src='report.html'></iframe>"
        "<script>window.onload = () => { const d = f.contentDocument;"
        "const e = d.documentElement;"
        "document.title = [e.scrollWidth, e.clientWidth, d.fonts.size,"
        "[...d.images].every(i => i.naturalWidth > 0), d.querySelectorAll('svg.chart').length]"
        "}</script>"
    )
    shutil.copy(folder / "report.html", tmp_path)
    result = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         "--enable-logging=stderr", "--dump-dom", f"--user-data-dir={tmp_path / 'profile'}",
         probe.as_uri()],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    found = re.search(r"<title>(\d+),(\d+),0,true,(\d)</title>", result.stdout)
    assert found, result.stdout[:500]
    scrolled, shown, charts = map(int, found.groups())
    assert scrolled == shown > width - 30, "the page scrolls sideways"
    assert charts == 4
    assert "CONSOLE" not in result.stderr, result.stderr
