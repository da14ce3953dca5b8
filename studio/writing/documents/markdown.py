"""Articles as Markdown."""

from collections.abc import Mapping

from studio.writing.requests import Outline


def article_markdown(outline: Outline, texts: Mapping[int, str]) -> str:
    """The article so far: its title, its cover, and every section that has been begun, by index, under its heading."""
    parts = [f"# {outline.title}", outline.cover]
    for index, section in enumerate(outline.sections):
        if index in texts:
            parts += [f"## {section.heading}", texts[index]]
    return "\n\n".join(part for part in parts if part) + "\n"


def outline_markdown(outline: Outline) -> str:
    """The plan of an article: its title, and each section's heading with its key points."""
    parts = [f"# {outline.title}"]
    for section in outline.sections:
        parts += [f"## {section.heading}", "\n".join(f"- {point}" for point in section.key_points)]
    return "\n\n".join(part for part in parts if part) + "\n"
