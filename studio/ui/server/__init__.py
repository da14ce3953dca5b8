"""The web server: the page it holds, its queue, how it starts and ends, signing in, health."""
