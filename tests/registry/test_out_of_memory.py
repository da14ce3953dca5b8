"""Memory that really runs out: the system refuses an allocation while an upscaler works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, resource, sys
import psutil
from pathlib import Path
from skimage import data
from PIL import Image
from studio import Studio
from studio.imaging.requests import EnlargeRequest
from studio.settings import Settings

folder = Path(sys.argv[1])
photo = Image.fromarray(data.chelsea()[:200, :200])
photo.save(folder / "cat.png")
photo.crop((0, 0, 32, 32)).save(folder / "small.png")
UPSCALER = "realesrgan-x4plus"
with Studio(Settings(cache=folder / "cache", outputs=folder / "outputs", threads=1)) as studio:
    for model in ("smollm2-135m", UPSCALER):
        for _ in studio.load(model):
            pass
    list(studio.enlarger.enlarge(EnlargeRequest.of(file=folder / "small.png", model=UPSCALER)))
    room = psutil.Process().memory_info().vms + 40 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (room, resource.RLIM_INFINITY))
    last = list(studio.enlarger.enlarge(EnlargeRequest.of(file=folder / "cat.png", model=UPSCALER)))[-1]
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    records = [(record.model, record.event, record.why) for record in studio.registry.journal.records()]
    print(json.dumps({"size": [last.width, last.height], "records": records}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux refuses a process more memory at a given size")
def test_an_enlargement_that_runs_out_gets_the_room_of_an_idle_model(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, timeout=240, check=False
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["size"] == [800, 800]
    assert ["realesrgan-x4plus", "ran_out", ""] in told["records"]
    assert ["smollm2-135m", "evicted", "realesrgan-x4plus"] in told["records"]
