"""`batchite completion`: the script by which a shell completes commands and options."""

from __future__ import annotations

import click

from batchite.cli import exits, grammar

HELP = 'Print the script by which a shell completes commands. In bash: eval "$(batchite completion bash)"'
SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_BATCHITE_COMPLETE"
"""by which that script asks; Click's name for a program called batchite"""


def command() -> click.Command:
    """`completion`."""
    shell = click.Argument(["shell"], type=click.Choice(SHELLS))
    return grammar.Command("completion", _print_script, [shell, grammar.json_option()], HELP)


def _print_script(shell: str, as_json: bool) -> None:
    from click.shell_completion import get_completion_class

    from batchite.cli import printing
    from batchite.cli.commands import application

    made = get_completion_class(shell)
    if made is None:
        exits.fail(f"there is no completion for {shell}")
    script = made(application(), {}, "batchite", VARIABLE).source()
    if as_json:
        printing.print_json({"shell": shell, "script": script})
    else:
        click.echo(script)
