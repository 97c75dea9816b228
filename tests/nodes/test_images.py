"""What a node makes of the image that it is told of."""

from __future__ import annotations

from pathlib import Path

from tests.nodes.conftest import StartAgent
from tests.nodes.peer import Peer, task, task_directory

from batchite.images.node_images import NodeImages
from batchite.link.messages import Hello, RunEnded
from batchite.link.spec import NodeImage, NodeLayer

WINDOWS = "microsoftwindowsserver:windowsserver:2019-datacenter:latest"


async def test_command_lines_of_windows(
    service: Peer, node: Path, tmp_path: Path, start_agent: StartAgent
) -> None:
    await start_agent(image=NodeImages(tmp_path / "data", ()).of(WINDOWS))
    hello = await service.first(Hello)
    assert hello.agent_version.endswith(" on Linux")
    await service.send(
        task(
            1, r'cmd /c echo %AZ_BATCH_POOL_ID%>"out 1.txt" && type %AZ_BATCH_TASK_WORKING_DIR%\"out 1.txt"'
        ),
        task(2, "robocopy a b"),
        task(3, "cmd.exe /c robocopy a b", environmentSettings=[{"name": "PATH", "value": "/usr/bin:/bin"}]),
    )
    await service.until(lambda: len(service.of_kind(RunEnded)) == 3)
    ended = {one.number: one for one in service.of_kind(RunEnded)}
    assert ended[1].exit_code == 0, (task_directory(node, 1) / "stderr.txt").read_text()
    assert (task_directory(node, 1) / "stdout.txt").read_text() == "pool\n"
    assert ended[2].failure is not None
    assert ended[2].failure.code == "CommandProgramNotFound"
    assert ended[3].exit_code == 1
    assert "a Windows command on a Linux node" in ended[3].last_line


async def test_a_node_without_a_tree_of_its_own_says_that_it_has_not_the_system_of_its_image(
    start_agent: StartAgent,
) -> None:
    agent = await start_agent(image=NodeImage(root="/trees/a"))
    agent.process.terminate()
    assert "which takes the machine tier; this node has the machine's" in await agent.over()


async def test_variables_and_path_of_an_image(
    service: Peer, node: Path, tmp_path: Path, start_agent: StartAgent
) -> None:
    layer = NodeLayer("/layer", {"A": "{layer}/a", "B": "layer", "C": "layer"}, ("{layer}/bin",))
    image = NodeImage(
        layers=(layer,), environment={"B": "image", "C": "image", "D": "image"}, path=("/opt/own",)
    )
    await start_agent(image=image, environment={"C": "operator"})
    await service.send(task(1, "/bin/sh -c 'echo $A $B $C $D $PATH'"))
    await service.until(lambda: len(service.of_kind(RunEnded)) == 1)
    *values, path = (task_directory(node, 1) / "stdout.txt").read_text().split()
    assert values == ["/layer/a", "image", "operator", "image"]
    assert path.startswith("/opt/own:/layer/bin:")
