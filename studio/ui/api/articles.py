"""The endpoints of the writing desk."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from gradio.data_classes import FileData
from gradio.utils import get_upload_folder

from studio.identity.owners import Owner
from studio.illustrating.article import Illustrated, IllustrateRequest
from studio.keeping.keeper import Place, Unkept
from studio.library.values import Saved
from studio.messages import message
from studio.studio import Studio
from studio.ui.api.answers import answers, kept_as
from studio.ui.shelf.articles import article_file
from studio.writing.documents.exporter import ExportRequest
from studio.writing.documents.importing import parted
from studio.writing.documents.markdown import article_markdown
from studio.writing.outlining.outline import parse_outline
from studio.writing.requests import (
    COVER,
    Article,
    ArticleRequest,
    Brief,
    Outline,
    PassageText,
    ReplanRequest,
    RewriteRequest,
    SectionRequest,
    SectionText,
)

Json = dict[str, Any]
UNWRITTEN: Final[tuple[str, Json | None]] = ("", None)


class ArticleEndpoints:
    """From a brief to an article, and what can be done with its text. Published by `Endpoints`."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def outline(
        self,
        owner: Owner,
        topic: str,
        audience: str = "",
        tone: str = "",
        language: str = "en",
        sections: int = 5,
        words: int = 800,
        keywords: str = "",
        notes: str = "",
        model: str | None = None,
        kind: str = "article",
        avoid: str = "",
        voice: str = "",
        before: Json | None = None,
    ) -> Iterator[Json | None]:
        """Plan an article: {title, alternative_titles, summary, language, sections, brief, work, version}.

        A section is {heading, key_points, target_words, locked}; of an outline `before`, those that are locked stay.
        """
        fields = {name: value for name, value in locals().items() if name not in ("self", "owner", "before")}

        def steps() -> Iterator[Json | None]:
            brief, plan = Brief.of(**fields), {}
            if before is None:
                request: Brief | ReplanRequest = brief
                run = self._studio.writer.outline(brief)
            else:
                request = ReplanRequest.of(outline=parse_outline(_plan(before)), brief=brief, model=model)
                run = self._studio.writer.replan(request)
            for step in self._studio.keeper.keep(Place(owner.id, _work(before)), request, run):
                if isinstance(step, Outline):
                    plan = step.model_dump(mode="json")
                yield plan | kept_as(step) if isinstance(step, Outline | Saved | Unkept) else None

        yield from answers(steps, None)

    def write_section(
        self,
        owner: Owner,
        outline: Json,
        index: int = 0,
        instruction: str = "",
        article: str = "",
        model: str | None = None,
    ) -> Iterator[tuple[str, Json | None]]:
        """Write one section of an outline; streams its Markdown, without the heading, and at the end how it went.

        That is {work, version, missing, notice, unsure}: where it is kept, facts of the brief's notes that are not in
        it, a sentence where there is something to know, and the words that the model gave less than 5 %, as [start,
        end, probability]; unsure is not wrong. An outline that `/outline` answered with carries its brief, and names
        the work of which this is kept as a version.
        """

        def steps() -> Iterator[tuple[str, Json | None] | None]:
            request = SectionRequest.of(
                outline=parse_outline(_plan(outline)),
                index=index,
                instruction=instruction,
                article=article,
                model=model,
            )
            yield from self._section(Place(owner.id, _work(outline)), request)

        yield from answers(steps, UNWRITTEN)

    def continue_(
        self,
        owner: Owner,
        outline: Json,
        index: int = 0,
        text: str = "",
        article: str = "",
        model: str | None = None,
    ) -> Iterator[tuple[str, Json | None]]:
        """Go on with a section that was stopped, in mid-sentence too; streams all of it, `text` unchanged first.

        At the end beside it {work, version, missing, notice, unsure}, as `/write_section` answers.
        """

        def steps() -> Iterator[tuple[str, Json | None] | None]:
            request = SectionRequest.of(
                outline=parse_outline(_plan(outline)), index=index, begun=text, article=article, model=model
            )
            yield from self._section(Place(owner.id, _work(outline)), request)

        yield from answers(steps, UNWRITTEN)

    def write_article(self, owner: Owner, outline: Json, model: str | None = None) -> Iterator[tuple[str, Json | None]]:
        """Write every section of an outline; streams the article as Markdown, and {work, version} after each section.

        An outline that `/outline` answered with carries its brief, and names the work of which this is kept as a
        version. The last answer has the facts of the brief's notes that are not in the text beside it, as `missing`.
        """

        def steps() -> Iterator[tuple[str, Json | None] | None]:
            request = ArticleRequest.of(outline=parse_outline(_plan(outline)), model=model)
            texts: dict[int, str] = {}
            missing: list[str] = []
            place, text = Place(owner.id, _work(outline)), ""
            for step in self._studio.keeper.keep(place, request, self._studio.writer.write_article(request)):
                if isinstance(step, SectionText):
                    texts[step.index] = step.text
                    missing += step.missing
                    text = article_markdown(request.outline, texts) if step.text else text
                    yield (text, None) if step.text else None
                elif isinstance(step, Article):
                    text = step.markdown
                    yield text, None
                elif isinstance(step, Saved | Unkept):
                    yield text, kept_as(step) | {"missing": missing}

        yield from answers(steps, UNWRITTEN)

    def rewrite(
        self,
        owner: Owner,
        text: str,
        change: str = "improve",
        instruction: str = "",
        before: str = "",
        after: str = "",
        language: str | None = None,
        model: str | None = None,
    ) -> Iterator[tuple[str, Json | None]]:
        """Write a passage anew; streams it, and at the end {notice} beside it. Nothing is kept: it is a proposal.

        `change` is improve, shorten, expand, simplify, tone, translate (Chinese and English), example or instruction;
        `instruction` says what to do, or the tone. `before` and `after` stand around the passage and stay.
        """
        fields = {name: value for name, value in locals().items() if name not in ("self", "owner")}

        def steps() -> Iterator[tuple[str, Json | None] | None]:
            for step in self._studio.writer.rewrite(RewriteRequest.of(**fields)):
                if isinstance(step, PassageText):
                    yield step.text, {"notice": _sentence(step.notice)} if step.done else None
                else:
                    yield None

        yield from answers(steps, UNWRITTEN)

    def illustrate(
        self,
        owner: Owner,
        text: str,
        model: str | None = None,
        image_model: str | None = None,
        pictures: str = "sections",
    ) -> Iterator[tuple[str, Json | None]]:
        """Draw a picture for every section of an article, Markdown; streams the article as the pictures come into it.

        `pictures` is sections, cover (one of the whole piece, under the title) or all. At the end beside it
        {works, prompts}: the pictures' works, and what each shows. What stands after a picture's address,
        `/library/file/…`, comes along when the article is exported.
        """

        def steps() -> Iterator[tuple[str, Json | None] | None]:
            outline, texts = parted(ExportRequest.of(text=text).text, "")
            request = IllustrateRequest.of(
                outline=outline, texts=texts, pictures=pictures, model=model, image_model=image_model
            )
            works, prompts = list[str](), list[str]()
            for step in self._studio.article_illustrator.illustrate(owner.id, request):
                if isinstance(step, Illustrated):
                    if step.index == COVER:
                        outline = outline.model_copy(update={"cover": step.text})
                    else:
                        texts[step.index] = step.text
                    works.append(step.kept.work)
                    prompts.append(step.prompt)
                    yield article_markdown(outline, texts), {"works": works, "prompts": prompts}
                else:
                    yield None

        yield from answers(steps, UNWRITTEN)

    def export_article(
        self, owner: Owner, text: str, format: str = "docx", summary: str = "", keywords: str = ""
    ) -> Iterator[FileData | None]:
        """An article, Markdown, as a file: md, zip (Markdown with its pictures), html, docx, pdf or txt.

        Pictures of the library that the text shows, as `/library/file/…`, come into it.
        """
        fields = {name: value for name, value in locals().items() if name not in ("self", "owner")}

        def steps() -> Iterator[FileData | None]:
            file = article_file(self._studio.library, owner.id, fields)
            folder = Path(get_upload_folder()) / sha256(file.content).hexdigest()
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / file.name
            path.write_bytes(file.content)
            yield FileData(path=str(path), orig_name=file.name)

        yield from answers(steps, None)

    def _section(self, place: Place, request: SectionRequest) -> Iterator[tuple[str, Json | None] | None]:
        text, told = "", dict[str, Any]()
        for step in self._studio.keeper.keep(place, request, self._studio.writer.write_section(request)):
            if isinstance(step, SectionText):
                text = step.text or text
                unsure = [[word.start, word.end, word.probability] for word in step.unsure]
                told = {"missing": list(step.missing), "notice": _sentence(step.notice), "unsure": unsure}
                yield (text, None) if text else None
            elif isinstance(step, Saved | Unkept):
                yield text, kept_as(step) | told
            else:
                yield None


def _sentence(notice: str | None) -> str | None:
    return message(notice) if notice else None


def _plan(outline: Any) -> Any:
    """An outline as `/outline` answers with it, without where it is kept."""
    if not isinstance(outline, dict):
        return outline
    return {name: value for name, value in outline.items() if name not in ("work", "version", "unkept")}


def _work(outline: Any) -> str | None:
    found = outline.get("work") if isinstance(outline, dict) else None
    return found if isinstance(found, str) else None
