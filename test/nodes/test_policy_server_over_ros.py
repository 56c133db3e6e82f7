"""A planner node asks a policy server, says so in /diagnostics, and goes on when it is gone."""

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray

pytest.importorskip("msgpack", reason="policy servers are an extra")

sys.path.insert(0, str(Path(__file__).parents[1]))
from tiny_model import CONFIG, SEARCH, tiny_model
from toy_policy_server import behaving, count_up, says

from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.nodes.trials import trial_client
from wm_planner.world_models.store import save_model


@pytest.mark.slow
def test_the_node_tells_of_its_server_and_runs_on_without_it(tmp_path):
    heard: list[str] = ["", ""]

    def on_report(message: DiagnosticArray) -> None:
        for report in message.status:
            if report.name == "wm_planner: planner":
                values = {pair.key: pair.value for pair in report.values}
                heard[:] = report.message, values["server"]

    save_model(tmp_path / "tiny", tiny_model().world_model, CONFIG)
    (tmp_path / "logs").mkdir()
    with ExitStack() as nodes:
        with behaving(says(actions=count_up(5, CONFIG.action_size))) as address:
            search = replace(SEARCH, server=address, server_wait_ms=2000.0)
            config = TrialsConfig(ros=True, model=str(tmp_path / "tiny"), search=search)
            client = nodes.enter_context(trial_client(config, tmp_path / "logs"))
            client.node.create_subscription(DiagnosticArray, "/diagnostics", on_report, 10)
            client.trigger("/wm_planner/start")
            answered = " plans with its answer, 0 without"
            assert client.spin_until(lambda: heard[1].endswith(answered), 10.0), heard
            assert heard[0].startswith("running")
        assert client.spin_until(lambda: "cannot be reached" in heard[1], 10.0), heard
        assert heard[0].startswith("running")
