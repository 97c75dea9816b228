"""What is killed has to be what was meant."""

import subprocess
from pathlib import Path

from tests.product.survival.house import agents_of


def test_what_an_agent_is_about_to_start_is_not_taken_for_it(tmp_path: Path) -> None:
    """It would be a task that is killed, with exit code 137, while the agent goes on."""
    words = ["/bin/sh", "-c", "read line", "-m", "batchite.nodes", str(tmp_path / "nodes" / "node")]
    with (
        subprocess.Popen(words, stdin=subprocess.PIPE) as agent,
        subprocess.Popen(words, stdin=subprocess.PIPE),
    ):
        assert {node: found.pid for node, found in agents_of(tmp_path).items()} == {"node": agent.pid}
