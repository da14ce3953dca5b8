"""The endpoints for `gradio_client` and plain HTTP: names, typed arguments, plain JSON answers."""

from collections.abc import Callable, Iterator
from typing import Any

from gradio.events import api

from studio.coding.coder import TASKS as CODING
from studio.coding.requests import ScoreRequest, Snippet, SnippetRequest
from studio.identity.owners import Owner
from studio.imaging.drawing.plan import TASKS as DRAWING
from studio.imaging.enlarging.in_memory import TASKS as ENLARGING
from studio.keeping.keeper import Place, Unkept
from studio.library.values import Saved
from studio.messages import message
from studio.registry import Task
from studio.studio import Studio
from studio.ui.accounting import Accounting
from studio.ui.api.admitted import admitted
from studio.ui.api.answers import answers, kept_as
from studio.ui.api.articles import ArticleEndpoints
from studio.ui.api.models import Upkeep
from studio.ui.api.pictures import PictureEndpoints
from studio.ui.api.works import WorkEndpoints
from studio.ui.start_stop import Lane
from studio.writing.writer import TASKS as WRITING

Json = dict[str, Any]


class Endpoints:
    """One method per endpoint. All are generators, so that a caller who cancels or leaves frees the model.

    Those that write hand on the text so far; the others hand on nothing until they are done, and then the answer.
    """

    def __init__(self, studio: Studio, text: Lane, imaging: Lane, loading: Lane) -> None:
        self._studio = studio
        self._text = text
        self._imaging = imaging
        self._loading = loading

    def publish(self) -> None:
        """Add the endpoints to the Blocks that are being built."""
        upkeep, pictures, works = Upkeep(self._studio), PictureEndpoints(self._studio), WorkEndpoints(self._studio)
        accounting, controls = Accounting(self._studio), self._studio.identity.require_controls
        articles = ArticleEndpoints(self._studio)
        self._publish(self._text, accounting, WRITING, articles.outline, articles.write_section, articles.write_article)
        self._publish(self._text, accounting, WRITING, articles.continue_, articles.rewrite, articles.illustrate)
        self._publish(None, accounting, (), articles.export_article)
        self._publish(self._text, accounting, CODING, self.generate_code)
        self._publish(self._imaging, accounting, DRAWING, pictures.generate_image)
        self._publish(self._imaging, accounting, ENLARGING, pictures.upscale)
        self._publish(self._imaging, accounting, (), pictures.plot_images, pictures.control_image)
        self._publish(self._loading, accounting, (), upkeep.load_model)
        self._publish(None, accounting, (), pictures.read_infotext, pictures.adapters, self.score_code)
        self._publish(None, accounting, (), upkeep.models, upkeep.memory, upkeep.offload_model)
        self._publish(None, accounting, (), works.works, works.work, works.versions, works.save_work)
        self._publish(None, accounting, (), works.restore_version, works.rate, works.trash_work)
        self._publish(None, accounting, (), works.export_works, works.import_works)
        controlled = (upkeep.drop_model, upkeep.pin_model, upkeep.unpin_model, upkeep.set_budget)
        self._publish(None, accounting, (), *controlled, expect=controls)

    def _publish(
        self,
        lane: Lane | None,
        accounting: Accounting,
        tasks: tuple[Task, ...],
        *functions: Callable[..., Any],
        expect: Callable[[Owner], None] | None = None,
    ) -> None:
        for function in functions:
            api(
                admitted(function, accounting, tasks, expect),
                api_name=function.__name__.rstrip("_"),
                concurrency_id=lane.name if lane else None,
                concurrency_limit=lane.limit if lane else "default",
            )

    def generate_code(
        self,
        owner: Owner,
        description: str,
        language: str = "python",
        model: str | None = None,
    ) -> Iterator[Json]:
        """Write a snippet; streams {code, language, report, notice}, and at the end beside them {work, version}.


        The report is null until the snippet is done; the notice is a sentence where there is something to know, such as
        that the code was cut off.
        """

        def steps() -> Iterator[Json | None]:
            request, told = SnippetRequest.of(description=description, language=language, model=model), {}
            place = Place(owner.id)
            for step in self._studio.keeper.keep(place, request, self._studio.coder.generate(request)):
                if isinstance(step, Snippet):
                    told = _snippet(step)
                yield told | kept_as(step) if isinstance(step, Snippet | Saved | Unkept) else None

        yield from answers(steps, {"code": "", "language": language, "report": None, "notice": None})

    def score_code(self, code: str, language: str = "python") -> Iterator[Json | None]:
        """Judge code without running it: {score, language, syntax, parts}."""

        def steps() -> Iterator[Json | None]:
            yield self._studio.coder.score(ScoreRequest.of(code=code, language=language)).model_dump(mode="json")

        yield from answers(steps, None)


def _snippet(step: Snippet) -> Json:
    report = step.report.model_dump(mode="json") if step.report else None
    notice = message(step.notice) if step.notice else None
    return {"code": step.code, "language": step.language, "report": report, "notice": notice}
