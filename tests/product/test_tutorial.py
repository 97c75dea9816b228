"""The tutorial, as `make tutorial` runs it: a plain Azure program against the whole product."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "examples" / "tutorial"


def run_tutorial(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "examples" / "run_tutorial.py"), *arguments]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL
    )


def test_the_example_imports_nothing_of_ours() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in TUTORIAL.glob("*.py"))
    assert not re.search(r"^\s*(import|from)\s+batchite", text, re.MULTILINE)


def test_from_nothing_to_the_results() -> None:
    answer = run_tutorial("--words", "2")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    steps = [
        "Sample start: ",
        f"Uploading file {TUTORIAL / 'tutorial_task.py'} to container [application]",
        f"Uploading file {TUTORIAL / 'data' / 'taskdata1.txt'} to container [input]",
        "Creating pool [PythonTutorialPool]",
        "Creating job [PythonTutorialJob]",
        "Adding 3 tasks to job [PythonTutorialJob]",
        "Monitoring all tasks for 'Completed' state, timeout in 0:20:00",
        "Success! All tasks reached the 'Completed' state",
        "Downloaded blob [taskdata1_OUTPUT.txt] from container [output]",
        "Download complete!",
        "Deleting containers",
        "Sample end: ",
        "Elapsed time: ",
        "Delete job? [Y/n]",
        "Delete pool? [Y/n]",
        "All services and compute nodes have stopped.",
    ]
    positions = [answer.stdout.find(step) for step in steps]
    assert -1 not in positions, (steps[positions.index(-1)], answer.stdout)
    assert positions == sorted(positions)
    counts = {"the": (524, 722, 874), "a": (354,), "of": (489,), "and": (369,)}
    for word, numbers in counts.items():
        for number in numbers:
            assert re.search(rf"^{word} +{number}$", answer.stdout, re.MULTILINE)
    for task in range(3):
        assert f"Task: topNtask{task}\nJob: PythonTutorialJob\nPool: PythonTutorialPool\n" in answer.stdout
    assert "Node: tvm" in answer.stdout
    assert "failed" not in answer.stdout
