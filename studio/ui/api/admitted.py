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
    """`function` with Gradio's request in the place of an owner, or before its own arguments; clients see neither.

    `tasks` say which model does it where none is named; `expect` raises where an owner may not do this.
    """
    signature = inspect.signature(function)
    owned = "owner" in signature.parameters
    names = [name for name in signature.parameters if name != "owner"]
    place = names.index("model") if "model" in names else None

    def model(values: Sequence[Any]) -> str | None:
        given = values[place] if place is not None and place < len(values) else None
        return given if isinstance(given, str) else None

    @wraps(function)
    def stream(request: gr.Request, *values: Any) -> Iterator[Any]:
        with accounting.run(request, function.__name__, model(values), tasks) as run:
            if expect is not None:
                expect(owner_or_local(request))
            given = (owner_or_local(request), *values) if owned else values
            for answer in function(*given):
                run.made(answer)
                yield answer

    @wraps(function)
    def once(request: gr.Request, *values: Any) -> Any:
        return function(*values)

    published: Any = stream if inspect.isgeneratorfunction(function) else once
    parameters = [REQUEST, *(signature.parameters[name] for name in names)]
    published.__signature__ = signature.replace(parameters=parameters)
    told = {name: kind for name, kind in function.__annotations__.items() if name != "owner"}
    published.__annotations__ = {"request": gr.Request, **told}
    del published.__wrapped__  # Gradio would read the annotations of what it wraps
    return published  # type: ignore[no-any-return]
