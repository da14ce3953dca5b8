"""Runs under way: at what pace they are shown, and to whom they belong."""
