"""Gradio Blocks and nothing else: tabs turn requests into craft calls, and their results into components."""
