"""Markdown as HTML in which nothing of the text is markup, script or an address of its own."""

from collections.abc import Callable
from functools import lru_cache
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

Source = Callable[[str], str | None]
"""What a picture's address becomes; None leaves only what the picture says it is."""


def rendered(markdown: str, source: Source) -> str:
    """HTML of Markdown with tables; markup in it is shown as it was typed, pictures go through `source`."""
    return str(parser().render(markdown, {"source": source}))


def tokens(markdown: str) -> list[Token]:
    """The blocks of Markdown, for what is not HTML."""
    return parser().parse(markdown)


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    """One parser for everything: CommonMark with tables and strikethrough, without HTML."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    markdown.add_render_rule("image", _picture)
    markdown.add_render_rule("link_open", _link)
    return markdown


def _picture(renderer: RendererHTML, found: Any, index: int, options: Any, env: Any) -> str:
    token = found[index]
    said = renderer.renderInlineAsText(token.children or [], options, env)
    address = env["source"](str(token.attrGet("src")))
    if address is None:
        return f"<em>{escape(said)}</em>"
    token.attrSet("src", address)
    token.attrSet("alt", said)
    token.attrSet("loading", "lazy")
    return str(renderer.renderToken(found, index, options, env))


def _link(renderer: RendererHTML, found: Any, index: int, options: Any, env: Any) -> str:
    found[index].attrSet("rel", "noopener noreferrer nofollow")
    found[index].attrSet("target", "_blank")
    return str(renderer.renderToken(found, index, options, env))
