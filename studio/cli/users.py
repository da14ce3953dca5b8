"""Who may use a studio with accounts, and the tokens of their programs."""

import sys
from typing import Annotated, Literal

import typer
from rich.table import Table

from studio.cli.console import reported
from studio.cli.terminal import Terminal
from studio.errors import InvalidRequest
from studio.identity.accounts import Accounts
from studio.identity.audit import Audit, Entry
from studio.settings import Settings

users = typer.Typer(no_args_is_help=True, help="Accounts and tokens of this machine's studio (STUDIO_AUTH=users).")
Name = Annotated[str, typer.Argument(help="The account's name.")]
RoleName = Literal["user", "admin"]
HOST = "host"
"""Who the audit says it was: whoever has this machine."""


@users.command()
def add(
    name: Name,
    role: Annotated[RoleName, typer.Option(help="What they may do.")] = "user",
    no_password: Annotated[bool, typer.Option("--no-password", help="Tokens only; nobody signs in by it.")] = False,
) -> None:
    """Make an account. The password is asked for, or read from standard input."""
    terminal = Terminal()
    with reported(terminal):
        settings = Settings.read()
        Accounts(settings.data).add(name, role, None if no_password else _password(terminal))
        _noted(settings, "users.add", f"{name} {role}")
        terminal.out.print(terminal.say("users.added", name=name))


@users.command("list")
def listed() -> None:
    """The accounts, and how many tokens each has."""
    terminal = Terminal()
    with reported(terminal):
        table = Table(*(terminal.say(f"users.{column}") for column in ("name", "role", "tokens")))
        for name, account in sorted(Accounts(Settings.read().data).all().items()):
            tokens = (f"{number} ({token.scope}, {token.expires:%Y-%m-%d})" for number, token in account.tokens.items())
            table.add_row(name, account.role, ", ".join(tokens))
        terminal.out.print(table)


@users.command()
def password(name: Name) -> None:
    """Change a password; whoever is signed in by the old one no longer is."""
    terminal = Terminal()
    with reported(terminal):
        settings = Settings.read()
        Accounts(settings.data).set_password(name, _password(terminal))
        _noted(settings, "users.password", name)
        terminal.out.print(terminal.say("users.changed", name=name))


@users.command()
def role(name: Name, role: Annotated[RoleName, typer.Argument(help="What they may do.")]) -> None:
    """Make somebody an admin, or no longer."""
    terminal = Terminal()
    with reported(terminal):
        settings = Settings.read()
        Accounts(settings.data).set_role(name, role)
        _noted(settings, "users.role", f"{name} {role}")
        terminal.out.print(terminal.say("users.changed", name=name))


@users.command()
def remove(name: Name) -> None:
    """Remove an account; its sessions and tokens end."""
    terminal = Terminal()
    with reported(terminal):
        settings = Settings.read()
        Accounts(settings.data).remove(name)
        _noted(settings, "users.remove", name)
        terminal.out.print(terminal.say("users.removed", name=name))


@users.command()
def token(
    name: Name,
    scope: Annotated[Literal["use", "admin"], typer.Option(help="What it may do.")] = "use",
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it holds.")] = 90,
    revoke: Annotated[str | None, typer.Option(help="End the token of this number instead.")] = None,
) -> None:
    """Make a token for gradio_client, the command line or MCP. It is shown this one time."""
    terminal = Terminal()
    with reported(terminal):
        settings = Settings.read()
        accounts = Accounts(settings.data)
        if revoke is not None:
            accounts.revoke(name, revoke)
            _noted(settings, "users.revoke", f"{name} {revoke}")
            terminal.out.print(terminal.say("users.revoked", token=revoke))
            return
        made = accounts.issue(name, scope, days)
        _noted(settings, "users.token", f"{name} {made.id} {scope}")
        terminal.err.print(terminal.say("users.token", date=f"{made.expires:%Y-%m-%d}", token=made.id))
        sys.stdout.write(made.text + "\n")


def _password(terminal: Terminal) -> str:
    """Asked for twice at a terminal; one line of standard input elsewhere."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = str(typer.prompt(terminal.say("users.ask"), hide_input=True))
    if first != typer.prompt(terminal.say("users.again"), hide_input=True):
        raise InvalidRequest("user.differs")
    return first


def _noted(settings: Settings, kind: str, why: str) -> None:
    Audit(settings.data / "audit").write(Entry(HOST, kind, why=why))
