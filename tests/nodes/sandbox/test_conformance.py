"""What every sandbox must do, whatever keeps its node apart from the machine."""

from __future__ import annotations

import errno
import io
import os
import select
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple, cast

import pytest
from tests.nodes.sandbox.hosted import (
    ADMIN,
    DEADLINE,
    USER,
    Directory,
    Hosted,
    RefusedError,
    Witness,
    starting,
    witness,
)

from batchite.machine import proc
from batchite.nodes.sandbox.base import User
from batchite.wire.ticks import TICKS_PER_SECOND


class Candidate(NamedTuple):
    """A sandbox to test, and what it promises beyond the least."""

    tier: str
    has_users: bool
    """they are somebody else than who started the service, and an administrator is root of the node"""
    dies_with_agent: bool
    """nothing of the node outlives its agent; elsewhere the engine sees to that"""


CANDIDATES = (
    pytest.param(Candidate("process", has_users=False, dies_with_agent=False), id="process"),
    pytest.param(
        Candidate("user", has_users=False, dies_with_agent=True), id="user", marks=pytest.mark.system
    ),
    pytest.param(
        Candidate("machine", has_users=True, dies_with_agent=True), id="machine", marks=pytest.mark.system
    ),
)

Start = Callable[[], Hosted]

BORN = "exec 9> {seen}; echo here >&9; : > born; cd /;"
"""how one who is left behind begins: where he is seen, and then elsewhere"""
POLITE = "trap 'echo bye; exit 5' TERM;"
DEAF = "trap '' TERM;"
AWAITED = "while ! [ -e born ]; do sleep 0.005; done"
DEEP = """import os, time
told = open("{seen}", "w")
for _ in range(50):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
told.write("here\\n")
told.flush()
os.close(os.open("../" * 50 + "born", os.O_CREAT))
time.sleep(600)
"""
"""as BORN, where the kernel has no path to tell"""
LEFT_BEHIND = {
    "background": 'sh -c "BORN exec sleep 600" &',
    "own-session": 'setsid sh -c "BORN exec sleep 600" &',
    "daemon": '( setsid sh -c "BORN exec sleep 600" & );',
    "no-environment": 'env -i setsid /bin/sh -c "BORN exec sleep 600" &',
    "no-environment-daemon": '( env -i setsid /bin/sh -c "BORN exec sleep 600" & );',
    "deeper-than-a-path": "( env -i setsid python3 -c 'DEEP' & );",
    "stubborn": "sh -c \"trap '' TERM HUP INT; BORN while :; do sleep 1; done\" &",
}


@pytest.fixture(params=CANDIDATES, scope="module")
def candidate(request: pytest.FixtureRequest) -> Candidate:
    return cast(Candidate, request.param)


@pytest.fixture(scope="module")
def sandbox(candidate: Candidate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """One for all tests that leave it as it was."""
    hosted = Hosted(candidate.tier, tmp_path_factory.mktemp("nodes") / "node")
    yield hosted
    hosted.close()


@pytest.fixture
def start(candidate: Candidate, tmp_path: Path) -> Iterator[Start]:
    """Sandboxes over one node of the test's own."""
    with starting(candidate.tier, tmp_path / "node") as start:
        yield start


@pytest.fixture
def seen(sandbox: Hosted, run: Directory) -> Iterator[Witness]:
    with witness(sandbox, f"fifo-{run[-1]}") as one:
        yield one


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """What no task may reach."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    (directory / "secret").write_text("secret")
    for path in (tmp_path, directory, directory / "secret"):
        path.chmod(0o777)  # whoever the node belongs to is not kept out by this
    return directory


# -- commands


def test_it_says_which_tier_it_is_and_why(sandbox: Hosted, candidate: Candidate) -> None:
    assert sandbox.tier.name == candidate.tier
    assert sandbox.tier.why.endswith(".")


def test_a_command_works_in_its_directory_and_writes_to_its_files(sandbox: Hosted, run: Directory) -> None:
    over = sandbox.shell(run, "pwd; echo oh >&2; touch made").over()
    assert (over.exit_code, over.signal) == (0, None)
    assert sandbox.said(run) == "/".join((sandbox.root, *run, "wd\n"))
    assert sandbox.said(run, "stderr") == "oh\n"
    assert sandbox.place.joinpath(*run, "wd", "made").exists()


def test_a_command_sees_the_documented_directories(sandbox: Hosted, run: Directory) -> None:
    sandbox.shell(run, f"cd {sandbox.root}; ls; ls startup; : > shared/{run[-1]}").over()
    expected = ["applications", "fsmounts", "shared", "startup", "volatile", "workitems", "wd"]
    assert sandbox.said(run).split() == expected
    assert sandbox.said(run, "stderr") == ""


def test_a_package_is_there_for_all_users_and_no_users_own(
    sandbox: Hosted, candidate: Candidate, run: Directory
) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, mode in {"bin/tool": 0o4700, "text": 0o600}.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, "#!/bin/sh\necho it runs\n")
    place = ("applications", f"tool-{run[-1]}")
    assert not sandbox.has(place)
    sandbox.unpack(place, content.getvalue())
    assert sandbox.has(place)
    path = "/".join((sandbox.root, *place))
    script = f"{path}/bin/tool; stat -c %a {path} {path}/bin {path}/bin/tool {path}/text"
    assert sandbox.lines(run, script) == ["it runs", "755", "755", "755", "644"]
    if candidate.has_users:
        spoil = f"touch {path}/x; touch {path}/../x; mv {path} {path}-2; echo x >> {path}/text; ls {path}"
        assert sandbox.lines(run, f"({spoil}) 2>/dev/null") == ["bin", "text"]


def test_a_command_has_the_environment_it_was_given(sandbox: Hosted, run: Directory) -> None:
    sandbox.prepare(run)
    assert sandbox.spawn(run, "env", environment={"MINE": "a b"}).over().exit_code == 0
    seen = dict(line.split("=", 1) for line in sandbox.said(run).splitlines())
    directory = "/".join((sandbox.root, *run))
    assert seen == {**sandbox.environment, "MINE": "a b", "AZ_BATCH_TASK_DIR": directory}


def test_a_command_inherits_nothing_else(sandbox: Hosted, run: Directory) -> None:
    """Neither files nor what signals do."""
    sandbox.shell(run, "ls /proc/$$/fd; readlink /proc/$$/fd/0").over()
    assert sandbox.said(run).splitlines() == ["0", "1", "2", "/dev/null"]
    sandbox.spawn(run, "grep", "-E", "Sig(Ign|Blk)", "/proc/self/status").over()
    ordinary = (1 << 31) - 1
    assert [int(line.split()[1], 16) & ordinary for line in sandbox.said(run).splitlines()] == [0, 0]


def test_output_is_appended_to(sandbox: Hosted, run: Directory) -> None:
    """By all who have it, as a log is."""
    sandbox.shell(run, "(echo a; echo b) & wait; echo c; : > ../stdout.txt; echo d").over()
    assert sandbox.said(run) == "d\n"


def test_a_program_is_found_by_the_path_of_its_command(sandbox: Hosted, run: Directory) -> None:
    sandbox.shell(run, "mkdir -p a b/tool; printf '#!/bin/sh\\necho found' > a/tool; chmod +x a/tool").over()
    path = {"PATH": "missing:b:a:/bin"}
    assert sandbox.spawn(run, "tool", environment=path).over().exit_code == 0
    assert sandbox.said(run) == "found\n"
    assert sandbox.spawn(run, "./a/tool").over().exit_code == 0


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("no-such-program", errno.ENOENT),
        ("./missing", errno.ENOENT),
        ("/etc/passwd", errno.EACCES),
        ("/etc", errno.EACCES),
    ],
)
def test_a_program_that_cannot_be_started(sandbox: Hosted, run: Directory, program: str, why: int) -> None:
    sandbox.prepare(run)
    with pytest.raises(RefusedError) as refused:
        sandbox.spawn(run, program).over()
    assert refused.value.errno == why
    assert sandbox.spawn(run, "true").over().exit_code == 0


@pytest.mark.parametrize(
    ("words", "environment"), [(["true", "a\0b"], {}), (["true"], {"A": "a\0b"}), (["true"], {"": "x"})]
)
def test_what_no_program_can_be_given(
    sandbox: Hosted, run: Directory, words: list[str], environment: dict[str, str]
) -> None:
    sandbox.prepare(run)
    with pytest.raises(RefusedError) as refused:
        sandbox.spawn(run, *words, environment=environment).over()
    assert refused.value.errno == errno.EINVAL


def test_users(sandbox: Hosted, candidate: Candidate, run: Directory) -> None:
    seen = []
    for user in (USER, ADMIN):
        assert sandbox.shell(run, "id -u; echo > mine", user=user).over().exit_code == 0
        seen.append(int(sandbox.said(run)))
    if candidate.has_users:
        assert seen[0] != 0 == seen[1]
    else:
        assert seen == [sandbox.user] * 2


# -- ends


@pytest.mark.parametrize(
    ("script", "code", "number", "exit_code"),
    [
        ("exit 3", 3, None, 3),
        ("kill -9 $$", None, 9, 137),
        ("kill $$", None, 15, 143),
        ("exit 137", 137, None, 137),
    ],
)
def test_an_exit_tells_a_code_from_a_signal(
    sandbox: Hosted, run: Directory, script: str, code: int | None, number: int | None, exit_code: int
) -> None:
    over = sandbox.shell(run, script).over()
    assert (over.code, over.signal, over.exit_code, over.is_memory) == (code, number, exit_code, False)


def test_an_exit_tells_what_was_used(sandbox: Hosted, run: Directory) -> None:
    """Also by those whom the first process waited for."""
    script = """python3 -c 'import time; x = bytearray(60 << 20)
while time.process_time() < 0.1: pass'; exit 0"""
    over = sandbox.shell(run, script).over()
    assert over.exit_code == 0
    assert over.used.user_time + over.used.kernel_time > TICKS_PER_SECOND // 10
    assert over.used.peak_memory > 60 << 20


def left_behind(kind: str, seen: Witness) -> str:
    script = LEFT_BEHIND[kind].replace("BORN", BORN).replace("DEEP", DEEP)
    return script.replace("{seen}", seen.told)


@pytest.mark.parametrize("kind", LEFT_BEHIND)
def test_what_a_command_left_behind_is_gone_when_its_end_is_told(
    sandbox: Hosted, run: Directory, seen: Witness, kind: str
) -> None:
    script = left_behind(kind, seen)
    assert sandbox.shell(run, f"{script} {AWAITED}").over().exit_code == 0
    assert seen.wait() == b"here\n"
    assert seen.is_alone


def test_what_a_command_left_behind_takes_no_other_along(sandbox: Hosted, run: Directory) -> None:
    other = (*run[:-1], run[-1] + "-other")
    running = sandbox.shell(other, "trap 'exit 7' TERM; : > ready; while :; do sleep 0.01; done")
    sandbox.shell(
        run, f"( setsid sleep 600 & ) ; while ! [ -e ../../{other[-1]}/wd/ready ]; do :; done"
    ).over()
    running.terminate()
    assert running.over().code == 7


def test_a_command_that_is_asked_ends_in_peace(sandbox: Hosted, run: Directory, seen: Witness) -> None:
    running = sandbox.shell(run, f"{POLITE} echo > {seen.told}; while :; do sleep 0.01; done")
    seen.wait()
    running.terminate()
    over = running.over()
    assert (over.code, over.was_asked) == (5, True)
    assert sandbox.said(run) == "bye\n"


def test_who_asks_after_the_end_comes_too_late(sandbox: Hosted, run: Directory, seen: Witness) -> None:
    """Also where it is an end of which the sandbox has not heard yet."""
    script = f"mkfifo go; echo > {seen.told}; read line < go"
    running = sandbox.shell(run, script)
    seen.wait()
    pid = next(one.pid for one in proc.all_processes() if script in proc.words(one.pid))
    command = os.pidfd_open(pid)

    def end() -> None:
        sandbox.place.joinpath(*run, "wd", "go").write_text("on\n")
        assert select.select([command], [], [], DEADLINE)[0]

    running.terminate_after(end)
    over = running.over()
    os.close(command)
    assert (over.code, over.was_asked) == (0, False)


def test_a_command_that_does_not_listen_is_killed_with_all_whom_it_started(
    sandbox: Hosted, run: Directory, seen: Witness
) -> None:
    running = sandbox.shell(run, f"{DEAF} exec 9> {seen.told}; setsid sleep 600 & sleep 600 & echo >&9; wait")
    seen.wait()
    running.terminate()
    running.kill()
    assert running.over().signal == 9
    assert seen.is_alone
    running.kill()


def test_at_the_end_of_a_node_all_are_asked(start: Start, run: Directory) -> None:
    """And have as long as they are given, of which no more is taken than they need."""
    sandbox = start()
    other = (*run[:-1], run[-1] + "-other")
    script = f"{POLITE} exec 9> SEEN; echo >&9; while :; do sleep 0.01; done"
    with witness(sandbox, "one") as seen, witness(sandbox, "other") as also_seen:
        both = [
            sandbox.shell(directory, script.replace("SEEN", one.told))
            for directory, one in ((run, seen), (other, also_seen))
        ]
        seen.wait()
        also_seen.wait()
        sandbox.end(DEADLINE)
        assert seen.is_alone
        assert also_seen.is_alone
    assert [one.over().code for one in both] == [5, 5]


def test_at_the_end_of_a_node_who_does_not_listen_is_killed(start: Start, run: Directory) -> None:
    """With all whom it started; and nothing is started any more."""
    sandbox = start()
    with witness(sandbox, "one") as seen:
        deaf = sandbox.shell(
            run, f"{DEAF} exec 9> {seen.told}; ( setsid sleep 600 & ); echo >&9; sleep 600 & wait"
        )
        seen.wait()
        sandbox.end(0.1)
        assert seen.is_alone
    assert deaf.over().signal == 9
    with pytest.raises(RefusedError) as refused:
        sandbox.spawn(run, "true").over()
    assert refused.value.errno == errno.ESRCH


@pytest.mark.parametrize(
    "candidate", [one for one in CANDIDATES if cast(Candidate, one.values[0]).dies_with_agent], indirect=True
)
def test_nothing_outlives_an_agent_that_is_killed(start: Start, run: Directory) -> None:
    """However it hides."""
    sandbox = start()
    with witness(sandbox, "fifo") as seen:
        sandbox.shell(run, f"{left_behind('no-environment-daemon', seen)} sleep 600")
        assert seen.wait() == b"here\n"
        sandbox.die()
        assert seen.wait() == b""


# -- the tree


def test_it_tells_what_its_node_uses(start: Start, run: Directory) -> None:
    sandbox = start()
    before = told(sandbox)
    with witness(sandbox, "fifo") as seen:
        script = (
            f"head -c 8388608 /dev/zero > file; python3 -c 'sum(range(2 * 10**6))'; exec 9> {seen.told}; "
            "( setsid sh -c 'sleep 600 & echo there >&9; wait' ) & wait"
        )
        command = sandbox.shell(run, script)
        assert seen.wait() == b"there\n"
    now = told(sandbox)
    assert now[0] - before[0] >= 3, "the shell, one in a session of its own, and a child of that"
    assert now[1] > before[1]
    assert now[2] > before[2]
    assert now[3] >= before[3] + 8388608
    command.kill()
    command.over()
    after = told(sandbox)
    assert after[0] == before[0]
    assert after[2] >= now[2], "what those used that ended is not forgotten"


def told(sandbox: Hosted) -> tuple[int, int, float, int]:
    processes, memory, seconds, disk, counters = sandbox.use()
    assert processes is not None
    assert memory is not None
    assert seconds is not None
    assert disk is not None
    assert counters is not None
    return processes, memory, seconds, disk


def test_a_run_begins_in_an_empty_directory(sandbox: Hosted, run: Directory) -> None:
    sandbox.shell(run, "mkdir -p deep/er; touch deep/er/file; chmod 0 deep; echo said").over()
    sandbox.prepare(run)
    place = sandbox.place.joinpath(*run)
    assert [str(path.relative_to(place)) for path in place.rglob("*")] == ["wd"]


def test_a_run_can_go_on_where_another_left_off(sandbox: Hosted, run: Directory) -> None:
    assert not sandbox.holds(run)
    sandbox.shell(run, "echo first; touch kept").over()
    assert sandbox.holds(run)
    sandbox.spawn(run, "/bin/sh", "-c", "ls; echo second").over()
    assert sandbox.said(run) == "kept\nsecond\n"
    assert sandbox.place.joinpath(*run, "stdout.txt.1").read_text() == "first\n"


def test_files_land_for_their_user(sandbox: Hosted, run: Directory) -> None:
    """He may change them and put others beside them."""
    sandbox.prepare(run)
    sandbox.land(run, "in/deep/one.txt", "one", 0o640)
    sandbox.make(run, "empty/directory")
    script = "cat in/deep/one.txt; echo >> in/deep/one.txt; touch in/deep/mine in/mine empty/directory/mine"
    assert sandbox.spawn(run, "/bin/sh", "-c", script).over().exit_code == 0
    assert sandbox.said(run) == "one"
    assert sandbox.place.joinpath(*run, "wd/in/deep/one.txt").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("plant", ["symlink", "hard-link", "fifo", "file"])
def test_a_file_that_lands_is_a_new_one(sandbox: Hosted, run: Directory, elsewhere: Path, plant: str) -> None:
    sandbox.prepare(run)
    place = sandbox.place.joinpath(*run, "wd", "file")
    {
        "symlink": lambda: place.symlink_to(elsewhere / "secret"),
        "hard-link": lambda: place.hardlink_to(elsewhere / "secret"),
        "fifo": lambda: os.mkfifo(place),
        "file": lambda: place.write_text("a long text of before"),
    }[plant]()
    sandbox.land(run, "file", "new")
    assert (elsewhere / "secret").read_text() == "secret"
    assert (place.is_symlink(), place.read_text()) == (False, "new")


@pytest.mark.parametrize("plant", ["symlink", "file", "fifo"])
def test_no_file_lands_through_what_is_no_directory(
    sandbox: Hosted, run: Directory, elsewhere: Path, plant: str
) -> None:
    sandbox.prepare(run)
    place = sandbox.place.joinpath(*run, "wd", "in")
    {
        "symlink": lambda: place.symlink_to(elsewhere),
        "file": lambda: place.touch(),
        "fifo": lambda: os.mkfifo(place),
    }[plant]()
    for wanted in (lambda: sandbox.land(run, "in/file", "x"), lambda: sandbox.make(run, "in/directory")):
        with pytest.raises(RefusedError):
            wanted()
    assert os.listdir(elsewhere) == ["secret"]


@pytest.mark.parametrize("depth", range(1, 5))
def test_links_on_the_way_are_not_followed(
    sandbox: Hosted, run: Directory, elsewhere: Path, depth: int
) -> None:
    """Neither to make a run's directories, nor to open or land its files, nor to remove them."""
    sandbox.prepare(run)
    for beyond in range(1, 4):
        elsewhere.joinpath(*run[beyond:], "wd").mkdir(parents=True, exist_ok=True)
    before = sorted(elsewhere.rglob("*"))
    place = sandbox.place.joinpath(*run[:depth])
    with planted(place, elsewhere):
        assert not sandbox.holds(run)
        for wanted in (lambda: sandbox.spawn(run, "true"), lambda: sandbox.land(run, "file", "x")):
            with pytest.raises(RefusedError):
                wanted()
        if depth == len(run):
            sandbox.prepare(run)
            assert not place.is_symlink()
        else:
            for wanted in (lambda: sandbox.prepare(run), lambda: sandbox.discard(run)):
                with pytest.raises(RefusedError):
                    wanted()
    assert sorted(elsewhere.rglob("*")) == before


RACE = """import ctypes, os, sys
name, target, told = sys.argv[1:]
os.makedirs(name, exist_ok=True)
os.symlink(target, "link")
open(told, "w").write("here")
here, exchange = -100, 2
while True:
    ctypes.CDLL(None).renameat2(here, name.encode(), here, b"link", exchange)
"""
TRIES = 20_000

Race = Callable[[Directory, str, User], AbstractContextManager[None]]


@pytest.fixture
def race(sandbox: Hosted, elsewhere: Path, seen: Witness) -> Race:
    """Meanwhile a directory and a link to elsewhere take turns under one name, seen from a run's `wd`."""

    @contextmanager
    def race(run: Directory, name: str, user: User) -> Iterator[None]:
        racer = sandbox.spawn(run, "python3", "-c", RACE, name, str(elsewhere), seen.told, user=user)
        assert seen.wait() == b"here"
        yield
        racer.kill()
        assert racer.over().signal == signal.SIGKILL, sandbox.said(run, "stderr")

    return race


def until_both(attempt: Callable[[int], None], times: int = 20) -> int:
    """Try until it has worked and been refused so many times; returns how often it worked."""
    worked = refused = 0
    while min(worked, refused) < times:
        assert worked + refused < TRIES, f"worked {worked} times, was refused {refused} times"
        try:
            attempt(worked + refused)
            worked += 1
        except RefusedError:
            refused += 1
    return worked


@contextmanager
def planted(place: Path, target: Path) -> Iterator[None]:
    """A link in the place of a directory."""
    moved = place.rename(place.with_name(f"moved-{place.name}"))
    place.symlink_to(target)
    yield
    if place.is_symlink():
        place.unlink()
        moved.rename(place)


def test_output_files_are_new_whatever_has_their_names(
    sandbox: Hosted, run: Directory, elsewhere: Path
) -> None:
    sandbox.prepare(run)
    place = sandbox.place.joinpath(*run)
    (place / "stdout.txt").symlink_to(elsewhere / "secret")
    (place / "stdout.txt.1").symlink_to(elsewhere / "secret")
    os.mkfifo(place / "stderr.txt")
    assert sandbox.spawn(run, "echo", "said").over().exit_code == 0
    assert sandbox.said(run) == "said\n"
    assert (place / "stderr.txt").is_file()
    assert (elsewhere / "secret").read_text() == "secret"


def test_a_working_directory_that_became_a_link_is_not_entered(
    sandbox: Hosted, run: Directory, elsewhere: Path
) -> None:
    sandbox.prepare(run)
    working = sandbox.place.joinpath(*run, "wd")
    working.rmdir()
    working.symlink_to(elsewhere)
    assert not sandbox.holds(run)
    for wanted in (lambda: sandbox.spawn(run, "true"), lambda: sandbox.land(run, "file", "x")):
        with pytest.raises(RefusedError):
            wanted()
    assert os.listdir(elsewhere) == ["secret"]


def test_a_directory_is_discarded_while_its_command_runs(start: Start, run: Directory) -> None:
    """It is out of sight at once, and nothing stays of it in the end."""
    sandbox = start()
    with witness(sandbox, "fifo") as seen:
        running = sandbox.shell(run, f"echo > {seen.told}; sleep 600")
        seen.wait()
    sandbox.discard(run)
    assert not sandbox.holds(run)
    assert list(sandbox.place.joinpath(*run[:-1]).iterdir()) == []
    running.kill()
    assert running.over().signal == 9
    sandbox.discard(run)
    sandbox.discard(("workitems", "no", "such"))
    sandbox.close()
    assert list((sandbox.node / "waste").iterdir()) == []


def test_what_tasks_put_in_the_place_of_documented_directories_goes(start: Start, elsewhere: Path) -> None:
    """When the node begins anew."""
    sandbox = start()
    sandbox.close()
    for name, target in (("shared", elsewhere), ("volatile", Path("nowhere")), ("startup", elsewhere)):
        shutil.rmtree(sandbox.place / name)
        (sandbox.place / name).symlink_to(target)
    (sandbox.place / "applications").rmdir()
    (sandbox.place / "applications").touch()
    again = start()
    assert all(path.is_dir() and not path.is_symlink() for path in again.place.iterdir())
    assert (again.place / "startup" / "wd").is_dir()
    assert os.listdir(elsewhere) == ["secret"]


def test_files_are_read_as_long_as_they_are_of_the_node(
    sandbox: Hosted, run: Directory, elsewhere: Path
) -> None:
    sandbox.shell(
        run, f"echo mine > file; ln -s {elsewhere}/secret planted; ln -s /proc/self/environ magic"
    ).over()
    working = "/".join((*run, "wd"))
    assert sandbox.read(f"{working}/file") == "mine\n"
    for name in ("planted", "magic"):
        with pytest.raises(RefusedError, match="outside"):
            sandbox.read(f"{working}/{name}")


def test_a_name_of_somebody_elses_file_is_not_read(sandbox: Hosted, run: Directory, elsewhere: Path) -> None:
    sandbox.prepare(run)
    sandbox.place.joinpath(*run, "wd", "mine").hardlink_to(elsewhere / "secret")
    with pytest.raises(RefusedError, match="outside"):
        sandbox.read("/".join((*run, "wd", "mine")))


def test_files_land_while_a_directory_and_a_link_change_places(
    sandbox: Hosted, run: Directory, elsewhere: Path, race: Race
) -> None:
    sandbox.prepare(run)
    with race(run, "in", USER):
        landed = until_both(lambda number: sandbox.land(run, f"in/deep/{number}", "x"))
    working = sandbox.place.joinpath(*run, "wd")
    found = [path for path in working.rglob("*") if path.is_file() and path.name.isdigit()]
    assert len(found) == landed
    assert os.listdir(elsewhere) == ["secret"]


def test_files_are_read_while_their_directory_and_a_link_change_places(
    sandbox: Hosted, run: Directory, race: Race
) -> None:
    sandbox.prepare(run)
    sandbox.land(run, "in/secret", "mine")

    def read(_number: int) -> None:
        assert sandbox.read("/".join((*run, "wd", "in", "secret"))) == "mine"

    with race(run, "in", USER):
        until_both(read)


def test_runs_come_and_go_while_a_directory_above_them_and_a_link_change_places(
    sandbox: Hosted, run: Directory, elsewhere: Path, race: Race
) -> None:
    """Whoever is elevated may do that to all runs of a node."""
    job = f"job-{run[-1]}"
    other = (*run[:-2], job, "other")
    (elsewhere / "other" / "wd").mkdir(parents=True)
    (elsewhere / "other" / "wd" / "kept").touch()
    before = sorted(elsewhere.rglob("*"))

    def come_and_go(_number: int) -> None:
        sandbox.prepare(other)
        sandbox.land(other, "file", "x")
        sandbox.spawn(other, "true").over()
        sandbox.discard(other)

    sandbox.prepare(run, ADMIN)
    with race(run, f"../../../{job}", ADMIN):
        until_both(come_and_go)
    assert sorted(elsewhere.rglob("*")) == before


def test_a_node_whose_directory_is_gone_knows_it(start: Start) -> None:
    sandbox = start()
    assert sandbox.keep()
    shutil.move(sandbox.place, sandbox.node / "moved")
    assert not sandbox.keep()


def test_what_is_lent_is_read_by_everybody_in_the_node(
    candidate: Candidate, sandbox: Hosted, run: Directory
) -> None:
    """Wherever it lies on this machine, and as it was lent last. Users of the node cannot change it."""
    file = sandbox.node.parent / "lent.pem"
    for text in ("first", "then"):
        file.write_text(text)
        path = sandbox.lend(file)
    file.chmod(0o600)
    for user in (USER, ADMIN):
        assert sandbox.shell(run, f"cat {path}", user).over().code == 0
        assert sandbox.said(run) == "then"
    if candidate.tier != "process":
        assert sandbox.shell(run, f": >> {path}", ADMIN).over().code != 0


@pytest.mark.parametrize("user", [USER, ADMIN], ids=["user", "admin"])
def test_a_command_on_a_terminal_has_it_for_itself(sandbox: Hosted, run: Directory, user: User) -> None:
    """It is the terminal of its session, by which keys that interrupt reach it."""
    script = "trap 'exit 5' INT; stty size; tty -s && : < /dev/tty && echo ready; read -r line"
    command = sandbox.on_terminal(run, script, user)
    command.wait_for("ready")
    command.type("\x03")
    assert command.over().exit_code == 5
