"""The library on the server: its routes, and what can be done with works by name."""
