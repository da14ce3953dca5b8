"""The plan of an article: asked for, read from whatever comes, and taken from outside."""
