"""What the desk says while something is written."""

from studio.illustrating.article import Drawing
from studio.ui.words import both, line
from studio.writing.requests import Drafting, PicturePrompt, SectionText


def drafting_line(step: Drafting) -> str:
    """How far an outline is."""
    return line(both("write.drafting", headings=step.headings, total=step.total), step.headings / step.total)


def writing_line(step: SectionText, count: int) -> str:
    """How far a section is, of `count`."""
    notice = f" · {both(step.notice)}" if step.notice else ""
    rate = f"{step.tokens / step.seconds:.0f}" if step.seconds else "—"
    key = "write.written" if step.done else "write.writing"
    text = both(key, number=step.index + 1, count=count, tokens=step.tokens, rate=rate)
    return line(text + notice, step.index / count if count > 1 else None, moving=not step.done)


def illustrating_line(step: PicturePrompt | Drawing) -> str:
    """What is drawn, and how many there are."""
    if isinstance(step, Drawing):
        return line(both("write.drawing", number=step.number + 1, total=step.total), step.number / step.total)
    return line(both("write.picturing", number=step.index + 1))
