"""Endpoints as they are published: who asks is known, whether they may is asked, and what came of it is accounted."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any

import gradio as gr

from studio.registry import Task
from studio.ui.accounting import Accounting, owner_or_local

REQUEST = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)


def admitted(
    function: Callable[..., Any],
    accounting: Accounting,
    tasks: Sequence[Task] = (),
    expect: Callable[[Any], None] | None = None,
) -> Callable[..., Any]:
    """`function` with Gradio's request before its own arguments; clients do not see it.

    `tasks` say which model does it where none is named; `expect` raises where an owner may not do this.
    """
    signature = inspect.signature(function)
    names = list(signature.parameters)
    place = names.index("model") if "model" in names else None

    def model(values: Sequence[Any]) -> str | None:
        given = values[place] if place is not None and place < len(values) else None
        return given if isinstance(given, str) else None

    @wraps(function)
    def stream(request: gr.Request, *values: Any) -> Iterator[Any]:
        with accounting.run(request, function.__name__, model(values), tasks) as run:
            if expect is not None:
                expect(owner_or_local(request))
            for answer in function(*values):
                run.made(answer)
                yield answer

    @wraps(function)
    def once(request: gr.Request, *values: Any) -> Any:
        return function(*values)

    published: Any = stream if inspect.isgeneratorfunction(function) else once
    parameters = [REQUEST, *signature.parameters.values()]
    published.__signature__ = signature.replace(parameters=parameters)
    published.__annotations__ = {"request": gr.Request, **function.__annotations__}
    del published.__wrapped__  # Gradio would read the annotations of what it wraps
    return published  # type: ignore[no-any-return]
