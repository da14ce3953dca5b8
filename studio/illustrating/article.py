"""Pictures for the sections of an article: what each shows, drawn, kept, and put into the text."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from studio.errors import InvalidRequest
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.plan import TASKS as DRAWING
from studio.imaging.drawing.requests import Drawn, PictureRequest
from studio.keeping.keeper import Keeper, Place, Unkept
from studio.library.library import Library
from studio.library.values import Saved
from studio.registry import LoadProgress, Registry
from studio.validation import Request, Verbatim
from studio.writing.requests import COVER, Language, Outline, PicturePrompt, PicturePromptsRequest
from studio.writing.writer import Writer

FILE: Final = "/library/file/"
ALONE: Final = {"count": 1, "batch_size": 1}


class IllustrateRequest(Request):
    """Draw a picture for sections of an article."""

    outline: Outline
    texts: Mapping[int, Verbatim]
    """What is written, Markdown by section."""
    sections: tuple[int, ...] = ()
    """Which of them; none are all that are written."""
    pictures: Literal["sections", "cover", "all"] = "sections"
    """One for each section, one of the whole piece, or both."""
    model: str | None = None
    """The language model that says what a picture shows."""
    image_model: str | None = None
    settings: Mapping[str, Any] = {}
    """Fields of a `PictureRequest` that all pictures have; what is not named takes the model's own default."""


@dataclass(frozen=True)
class Illustrated:
    """A section with its picture, or the cover."""

    index: int
    prompt: str
    text: str
    """The section's Markdown, the picture at its end; of a cover the picture alone."""
    kept: Saved


@dataclass(frozen=True)
class Drawing:
    """A picture is on its way, of `total`."""

    index: int
    prompt: str
    number: int
    total: int


Step = LoadProgress | PicturePrompt | Drawing | Illustrated | Unkept


class ArticleIllustrator:
    """Lets the writer say what to draw and the illustrator draw it, each model loaded once."""

    def __init__(
        self, registry: Registry, writer: Writer, illustrator: Illustrator, keeper: Keeper, library: Library
    ) -> None:
        self._registry, self._writer, self._illustrator = registry, writer, illustrator
        self._keeper, self._library = keeper, library

    def illustrate(self, owner: str, request: IllustrateRequest) -> Generator[Step, None, None]:
        """First all prompts, then all pictures, so that models change places once; each picture is a work of its own.

        Raises:
            InvalidRequest: nothing is written yet, or there is no such section.
            UnknownModel, Busy, OutOfMemory, WeightsUnavailable, EngineFailed.
        """
        written = [index for index, text in sorted(request.texts.items()) if text.strip()]
        wanted = [] if request.pictures == "sections" else [COVER]
        if request.pictures != "cover":
            wanted += [index for index in request.sections or written if index in written]
        if not wanted:
            raise InvalidRequest("export.empty")
        image_model = self._registry.choose(request.image_model, *DRAWING)
        asked = PicturePromptsRequest.of(
            outline=request.outline,
            texts={index: request.texts[index] for index in wanted if index != COVER},
            cover=COVER in wanted,
            language=_spoken(image_model.languages, request.outline.language),
            model=request.model,
        )
        prompts: dict[int, str] = {}
        for step in self._writer.picture_prompts(asked):
            if isinstance(step, PicturePrompt):
                prompts[step.index] = step.text
            yield step
        for number, index in enumerate(wanted):
            yield Drawing(index, prompts[index], number, len(wanted))
            yield from self._drawn(owner, request, index, prompts[index], image_model.id, (number, len(wanted)))

    def _drawn(
        self, owner: str, request: IllustrateRequest, index: int, prompt: str, model: str, place: tuple[int, int]
    ) -> Iterator[Step]:
        picture = PictureRequest.of(**{**request.settings, "prompt": prompt, "model": model, **ALONE})
        for step in self._keeper.keep(Place(owner), picture, self._illustrator.draw(picture)):
            if isinstance(step, Saved):
                digest = next(file.digest for file in self._library.works.version(owner, step.work).files)
                said = " ".join(prompt.replace("[", "(").replace("]", ")").split())
                shown = f"![{said}]({FILE}{digest})"
                text = shown if index == COVER else f"{request.texts[index].rstrip()}\n\n{shown}\n"
                yield Illustrated(index, prompt, text, step)
            elif isinstance(step, LoadProgress | Unkept):
                yield step
            elif not isinstance(step, Drawn):
                yield Drawing(index, prompt, *place)


def _spoken(languages: tuple[str, ...], own: Language) -> Language:
    """The language in which an image model is asked: the article's where it knows that, else English."""
    known = {tag.partition("-")[0] for tag in languages}
    return own if own in known else "en" if "en" in known or not known else "zh"
