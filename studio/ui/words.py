"""Every word on the page, in both languages.

Labels that never change are `word(key)`: the browser looks them up, and the header's switch changes them in place.
Text that is made while the studio runs is `both(key, …)`: it carries both languages and the page's style shows one.
So no handler needs to know the visitor's language, and nothing is reloaded when it changes.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, Literal

import gradio as gr
from gradio.i18n import I18nData

from studio.errors import StudioError
from studio.messages import LOCALES, Locale, data_size, known, message, table
from studio.registry import LoadProgress, ModelSpec

Place = Literal["here", "fetched", "unset"]
"""Where a model is: on this machine, elsewhere, or an endpoint that is not set up."""
PLACES: Final[tuple[Place, ...]] = ("here", "fetched", "unset")
LABEL_ROOMS: Final = ("app", "write", "code", "image", "enlarge", "library", "models")


def dictionary(catalogue: Iterable[ModelSpec] = ()) -> gr.I18n:
    """The labels that the browser looks up by itself: those of the UI's rooms that have no fields to fill, and for
    each model of the catalogue one for each place where it can be."""
    specs = tuple(catalogue)
    return gr.I18n(**{locale: {**_fixed(locale), **_places(locale, specs)} for locale in LOCALES})


def model_label(spec: ModelSpec, place: Place) -> I18nData:
    """A model's name in a list of models, with where it is."""
    return I18nData(f"model.{spec.id}.{place}")


def _fixed(locale: Locale) -> dict[str, str]:
    found = {key: text for key, text in table(locale).items() if key.partition(".")[0] in LABEL_ROOMS}
    return {key: text for key, text in found.items() if "{" not in text}


def _places(locale: Locale, specs: Sequence[ModelSpec]) -> dict[str, str]:
    return {
        f"model.{spec.id}.{place}": message(f"app.model.{place}", locale, name=spec.name, size=data_size(spec.memory))
        for spec in specs
        for place in PLACES
    }


def word(key: str) -> I18nData:
    """A label for a component's constructor or update.

    Raises:
        KeyError: the key is in no table, which is a bug that building the page finds.
    """
    if not known(key):
        raise KeyError(key)
    return I18nData(key)


def spans(texts: dict[Locale, str]) -> str:
    """Both languages as HTML, of which the page shows one; `texts` are plain text."""
    return "".join(f'<span class="say" lang="{locale}">{escape(texts[locale])}</span>' for locale in LOCALES)


def both(key: str, **details: object) -> str:
    """The sentence for `key` as HTML in both languages."""
    return spans({locale: message(key, locale, **details) for locale in LOCALES})


def complaint(error: StudioError) -> str:
    """An error and its hint as HTML in both languages, with fields named as the form names them."""
    return spans({locale: _localised(error, locale).explain(locale) for locale in LOCALES})


def finding(key: str, error: StudioError, **details: object) -> str:
    """The sentence for `key`, whose `reason` is an error's own sentence, as HTML in both languages."""
    return spans({locale: message(key, locale, **details, reason=error.text(locale)) for locale in LOCALES})


def _localised(error: StudioError, locale: Locale) -> StudioError:
    label = f"app.field.{error.details.get('field')}"
    return type(error)(error.code, **{**error.details, "field": message(label, locale)}) if known(label) else error


def bar(done: float | None) -> str:
    """A progress bar; `done` is 0 to 1, or None where nobody knows."""
    if done is None:
        return '<div class="bar unknown"><i></i></div>'
    share = min(max(done, 0.0), 1.0)
    return f'<div class="bar"><i style="width:{100 * share:.1f}%"></i></div>'


def left(seconds: float | None) -> str:
    """Time left, as HTML; empty where nobody knows."""
    if seconds is None:
        return ""
    if seconds < 90:
        return both("app.left.seconds", count=max(1, round(seconds)))
    return both("app.left.minutes", count=round(seconds / 60))


def line(text: str, done: float | None = None, *, remaining: float | None = None, moving: bool = True) -> str:
    """A progress line: HTML text, a bar while something moves, and the time left."""
    rest = left(remaining)
    words = f"<p><span>{text}</span>{f'<em>{rest}</em>' if rest else ''}</p>"
    return f'<div class="progress">{words}{bar(done) if moving else ""}</div>'


def tiles(done: int, total: int, remaining: float | None) -> str:
    """The progress line of a picture that is enlarged tile by tile."""
    return line(both("enlarge.tile", tile=done, total=total), done / max(total, 1), remaining=remaining)


def instead(spec: ModelSpec, key: str) -> str:
    """A link, as HTML, that chooses a model."""
    return f'<button type="button" class="instead" data-instead="{spec.id}">{both(key, name=spec.name)}</button>'


def trouble(html: str) -> str:
    """What went wrong, where a progress line would be; screen readers say it at once."""
    return f'<div class="progress trouble" role="alert"><p>{html}</p></div>'


def arrival(progress: LoadProgress) -> tuple[str, float | None]:
    """How far a model is, as HTML, and as a share where that is known."""
    if progress.stage == "waiting":
        return both("app.stage.waiting", name=progress.name, ahead=progress.ahead), None
    if progress.stage == "fetching" and progress.total:
        share = progress.done / progress.total
        return (
            both(
                "app.stage.fetching", name=progress.name, done=data_size(progress.done), total=data_size(progress.total)
            ),
            share,
        )
    return both(f"app.stage.{'preparing' if progress.stage == 'fetching' else 'loading'}", name=progress.name), None
