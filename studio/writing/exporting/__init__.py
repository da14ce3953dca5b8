"""Articles as files: Markdown, HTML, Word and plain text."""
