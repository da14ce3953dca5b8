"""Articles as files, out and in: Markdown, HTML, Word and plain text."""
