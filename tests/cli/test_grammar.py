"""The grammar of the command line, which every command follows."""

from __future__ import annotations

import pytest
from click import Command, Option
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from batchite.cli import exits
from batchite.cli.commands import application
from batchite.cli.grammar import leaf_commands

LEAVES = leaf_commands(application())


def run(*words: str) -> Result:
    return CliRunner().invoke(application(), list(words))


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_every_command_has_json_and_both_spellings_of_help(path: tuple[str, ...], command: Command) -> None:
    options = {name for each in command.params if isinstance(each, Option) for name in each.opts}
    assert "--json" in options
    assert run(*path, "-h").output == run(*path, "--help").output
    assert command.help


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["serv"], "No such command 'serv'; did you mean 'serve'?"),
        (["pool", "lsit"], "did you mean 'list'?"),
        (["xyzzy"], "there are serve, status, env"),
    ],
)
def test_a_mistyped_word_gets_a_hint(words: list[str], hint: str) -> None:
    answer = run(*words)
    assert answer.exit_code == exits.USAGE
    assert hint in answer.output


@pytest.mark.parametrize("words", [(), ("blob",), ("tls",), ("task",)])
def test_no_line_of_help_is_cut_off(words: tuple[str, ...]) -> None:
    assert "..." not in run(*words, "-h").output.partition("Commands:")[2]


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--config", "/dev/null/none"),
        ("env", "--config", "/dev/null/none"),
        ("serve", "--batch-port", "x"),
        ("blob", "check", "--content", "x"),
    ],
)
def test_a_value_that_cannot_be_is_wrong_usage(words: tuple[str, ...]) -> None:
    answer = run(*words)
    assert answer.exit_code == exits.USAGE
    assert answer.stderr.startswith("batchite: ")


def test_without_a_word_the_help_is_shown() -> None:
    assert "Usage: " in run("pool").output
    assert all(word in run("-h").output for word in ("serve", "status", "task"))


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")])
def test_shells_complete(shell: str, word: str) -> None:
    answer = run("completion", shell)
    assert answer.exit_code == 0
    assert word in answer.output
    assert "_BATCHITE_COMPLETE" in answer.output


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("batchite pool s", ["show", "stop-resize"]),
        ("batchite task list --jo", ["--job"]),
        ("batchite status --config /et", ["/et"]),  # a file, which the shell itself completes
        ("batchite serve --data-dir /et", ["/et"]),
    ],
)
def test_words_options_and_files_are_completed(line: str, completed: list[str]) -> None:
    *words, last = line.split(" ")[1:]
    found = ShellComplete(application(), {}, "batchite", "").get_completions(words, last)
    assert [item.value for item in found] == completed
    assert {item.type for item in found} == {"file" if last == "/et" else "plain"}
