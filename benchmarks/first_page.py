"""Seconds from starting the process to the first page, against a Gradio app with one textbox.

uv run python -m benchmarks.first_page
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks.common import ROOT, free_port, verdict

PLAIN = """
import gradio as gr
with gr.Blocks() as demo:
    gr.Textbox(label="Text")
demo.launch(server_port={port}, quiet=True)
"""
ROUNDS = 5


def seconds_to_page(command: list[str], port: int, folder: Path) -> float:
    """Start a server and wait until its page has come whole."""
    environment = {
        **os.environ,
        "STUDIO_PORT": str(port),
        "STUDIO_CACHE": str(folder / "cache"),
        "STUDIO_OUTPUTS": str(folder / "outputs"),
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            if process.poll() is not None:
                raise RuntimeError(f"{command} ended")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
                    page.read()
                return time.perf_counter() - started
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
    finally:
        process.terminate()
        process.wait(20)


def main() -> None:
    """Run both in turn and print the ratio."""
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        for turn in range(ROUNDS + 1):
            port = free_port()
            plain = seconds_to_page([sys.executable, "-c", PLAIN.format(port=port)], port, Path(name))
            port = free_port()
            ours = seconds_to_page([sys.executable, "app.py"], port, Path(name))
            if turn:
                print(f"studio {ours:.2f} s, one textbox {plain:.2f} s")
                ratios.append(ours / plain)
    verdict("first page, studio / one textbox", ratios, at_most=1.3)


if __name__ == "__main__":
    main()
