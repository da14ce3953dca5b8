"""`studio serve | models | outline | write | export | code | image | infotext | upscale | users | audit |
works`.

Exit codes: 0 done, 2 the request is wrong, 3 the model or its weights are not to be had, 4 busy or out of memory,
5 the disk or the server failed, 130 interrupted, 1 anything else.
"""

import typer

from studio.cli.audit import audit
from studio.cli.models import models, serve
from studio.cli.pictures import image, infotext, upscale
from studio.cli.users import users
from studio.cli.works import works
from studio.cli.writing import code, export, outline, write

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
for command in (outline, write, export, code, image, infotext, upscale, models, serve):
    app.command()(command)
app.add_typer(users, name="users")
app.add_typer(audit, name="audit")
app.add_typer(works, name="works")


def main() -> None:
    """The `studio` command."""
    app()
