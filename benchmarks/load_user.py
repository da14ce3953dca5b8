"""What one client of `benchmarks/load.py` does, for Locust: call an endpoint and read its stream to the end."""

import os
import time
from typing import Any

from locust import HttpUser, constant, events, task

CALLS: dict[str, list[Any]] = {
    "nothing": ["x"],
    "models": [],
    "score_code": ["def add(a: int, b: int) -> int:\n    return a + b\n", "python"],
    "read_infotext": [None, "a cat\nSteps: 3, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64"],
}
NAMES = os.environ["LOAD_CALLS"].split(",")


class Caller(HttpUser):
    """One client that waits for nothing between its calls."""

    wait_time = constant(0)
    turn = 0

    @task
    def call(self) -> None:
        """One call, with a session of its own, as every plain call of the API is."""
        self.turn += 1
        name = NAMES[self.turn % len(NAMES)]
        begun, size, error = time.perf_counter(), 0, None
        try:
            asked = self.client.post(f"/gradio_api/call/{name}", json={"data": CALLS[name]}, name="begin")
            asked.raise_for_status()
            told = self.client.get(f"/gradio_api/call/{name}/{asked.json()['event_id']}", name="read").text
            size = len(told)
            if "event: complete" not in told:
                error = RuntimeError(told[:200])
        except Exception as failed:
            error = failed
        events.request.fire(
            request_type="CALL",
            name=name,
            response_time=1000 * (time.perf_counter() - begun),
            response_length=size,
            exception=error,
            context={},
        )
