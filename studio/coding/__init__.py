"""The developer's craft: a snippet, and an honest report on it."""
