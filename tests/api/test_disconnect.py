"""A visitor who vanishes: their model must be free at once, without a word from them."""

import json
import subprocess
import sys
import time

from gradio_client import Client

from tests.support.server import LiveServer

VISITOR = """
import sys
from gradio_client import Client
client = Client(sys.argv[1], verbose=False)
outline = {"title": "Bread", "sections": [{"heading": "A long history", "target_words": 3000}]}
for text, _ in client.submit(outline, 0, api_name="/write_section"):
    print(len(text), flush=True)
"""


def test_a_client_that_is_killed_while_text_streams_frees_the_model(server: LiveServer) -> None:
    visitor = subprocess.Popen([sys.executable, "-c", VISITOR, server.url], stdout=subprocess.PIPE, text=True)
    assert visitor.stdout is not None
    while int(visitor.stdout.readline()) < 20:
        pass
    visitor.kill()
    visitor.wait()
    client = Client(server.url, verbose=False)
    state = client.predict("smollm2-135m", api_name="/offload_model")["state"]
    end = time.monotonic() + 10
    while state != "disk":
        assert time.monotonic() < end, json.dumps(client.predict(api_name="/models"))
        time.sleep(0.1)
        state = next(m["state"] for m in client.predict(api_name="/models") if m["id"] == "smollm2-135m")
