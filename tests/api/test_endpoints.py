"""Every endpoint through `gradio_client`, on a live server with real weights."""

import time
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from skimage import data

from tests.support.server import LiveServer

SIGNATURES = {
    "/outline": [
        "topic",
        "audience",
        "tone",
        "language",
        "sections",
        "words",
        "keywords",
        "notes",
        "model",
        "kind",
        "avoid",
        "voice",
        "before",
    ],
    "/write_section": ["outline", "index", "instruction", "article", "model"],
    "/write_article": ["outline", "model"],
    "/continue": ["outline", "index", "text", "article", "model"],
    "/illustrate": ["text", "model", "image_model", "pictures"],
    "/export_article": ["text", "format", "summary", "keywords"],
    "/rewrite": ["text", "change", "instruction", "before", "after", "language", "model"],
    "/generate_code": ["description", "language", "model"],
    "/score_code": ["code", "language"],
    "/generate_image": [
        "prompt",
        "negative_prompt",
        "width",
        "height",
        "steps",
        "guidance_scale",
        "seed",
        "model",
        "format",
        "styles",
        "clip_skip",
        "sampler",
        "schedule_type",
        "count",
        "batch_size",
        "fast",
        "variation_seed",
        "variation_strength",
        "hires_scale",
        "hires_upscaler",
        "hires_steps",
        "hires_strength",
        "controls",
        "image",
        "strength",
        "resize_mode",
        "mask",
        "mask_blur",
        "inpaint_area",
        "inpaint_padding",
        "inpaint_fill",
        "stream",
    ],
    "/plot_images": ["picture", "x", "y"],
    "/control_image": [
        "image",
        "annotator",
        "parameters",
        "width",
        "height",
        "resize_mode",
        "pixel_perfect",
        "resolution",
    ],
    "/adapters": ["kind", "query", "model"],
    "/read_infotext": ["image", "text"],
    "/upscale": ["image", "model"],
    "/works": [
        "query",
        "kind",
        "tag",
        "limit",
        "after",
        "model",
        "rating",
        "favourite",
        "since",
        "until",
        "sort",
        "trashed",
    ],
    "/work": ["id"],
    "/versions": ["id"],
    "/save_work": ["kind", "title", "made", "asked", "settings", "files", "work", "tags", "model"],
    "/restore_version": ["id", "version"],
    "/rate": ["id", "rating", "why", "version"],
    "/trash_work": ["id", "restore"],
    "/export_works": ["ids"],
    "/import_works": ["bundle"],
    "/models": [],
    "/load_model": ["model"],
    "/offload_model": ["model"],
    "/drop_model": ["model"],
    "/pin_model": ["model"],
    "/unpin_model": ["model"],
    "/set_budget": ["device", "bytes"],
    "/memory": ["since", "language"],
}
OPTIONAL = {"/memory", "/read_infotext", "/adapters", "/works"}
"""Endpoints of which even the first argument may be left out."""
REQUIRED = {"/plot_images": 2, "/save_work": 3, "/restore_version": 2, "/rate": 2}
"""Endpoints of which more than the first has to be given."""
OUTLINE = {
    "title": "Urban beekeeping",
    "language": "en",
    "sections": [
        {
            "heading": "Why bees like cities",
            "key_points": ["flowers all summer", "fewer pesticides"],
            "target_words": 60,
        },
        {"heading": "Your first hive", "key_points": ["where to put it"], "target_words": 60},
    ],
}


@pytest.fixture(scope="module")
def client(server: LiveServer) -> Client:
    return Client(server.url, verbose=False)


def in_use(client: Client) -> dict[str, str]:
    return {model["id"]: model["state"] for model in client.predict(api_name="/models")}


def test_the_endpoints_and_their_arguments_are_those_that_are_promised(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    found = {name: [p["parameter_name"] for p in spec["parameters"]] for name, spec in endpoints.items()}
    assert found == SIGNATURES
    for name, spec in endpoints.items():
        required = [p["parameter_name"] for p in spec["parameters"] if not p["parameter_has_default"]]
        expected = 0 if name in OPTIONAL else REQUIRED.get(name, 1)
        assert required == SIGNATURES[name][:expected], name


@pytest.mark.parametrize(("topic", "language"), [("Urban beekeeping for beginners", "en"), ("城市养蜂入门", "zh")])
def test_an_outline_comes_back_as_data(client: Client, topic: str, language: str) -> None:
    outline = client.predict(topic, language=language, sections=3, words=300, api_name="/outline")
    plan = {"title", "alternative_titles", "summary", "cover", "language", "sections", "brief"}
    assert set(outline) == plan | {"work", "version"}
    assert outline["language"] == language
    assert len(outline["sections"]) == 3
    for section in outline["sections"]:
        assert set(section) == {"heading", "key_points", "target_words", "locked"}
        assert section["heading"].strip()
    assert 250 <= sum(section["target_words"] for section in outline["sections"]) <= 350


def test_a_section_streams_and_grows(client: Client) -> None:
    job = client.submit(OUTLINE, 0, api_name="/write_section")
    answers = list(job)
    texts = [text for text, _ in answers]
    assert set(answers[-1][1]) == {"work", "version", "missing", "notice", "unsure"}
    assert len(texts) > 3
    assert len(texts[-1]) > 100


def test_a_section_is_gone_on_with_and_what_was_there_stays(client: Client) -> None:
    begun = "Bees like cities, because between the houses it is warm, and because"
    text, kept = client.predict(OUTLINE, 0, begun, api_name="/continue")
    assert text.startswith(begun)
    assert len(text) > len(begun)
    assert client.predict(id=kept["work"], api_name="/work")["version"]["made"]["sections"]["0"] == text


def test_a_passage_is_written_anew_and_nothing_is_kept(client: Client) -> None:
    before = client.predict(api_name="/works")["total"]
    text, told = client.predict("The veil costs 30 euros, and it lasts for years.", "shorten", api_name="/rewrite")
    assert text.strip()
    assert set(told) == {"notice"}
    assert client.predict(api_name="/works")["total"] == before


def test_an_article_is_exported_with_its_pictures(client: Client) -> None:
    for format in ("docx", "html", "pdf", "txt", "md", "zip"):
        file = Path(client.predict("# Bees\n\n## One\n\nWords.", format, api_name="/export_article"))
        assert file.name == f"Bees.{format}"
        assert file.stat().st_size > 10


def test_locked_sections_stay_when_an_outline_is_planned_again(client: Client) -> None:
    locked = {**OUTLINE["sections"][1], "locked": True}
    before = {**OUTLINE, "sections": [OUTLINE["sections"][0], locked]}
    outline = client.predict("Urban beekeeping", sections=2, before=before, api_name="/outline")
    assert {name: outline["sections"][1][name] for name in locked} == locked
    assert outline["sections"][0]["heading"] != locked["heading"]


def test_an_article_has_every_heading(client: Client) -> None:
    markdown, kept = client.predict(OUTLINE, api_name="/write_article")
    assert client.predict(id=kept["work"], api_name="/work")["version"]["made"]["text"] == markdown
    assert markdown.startswith("# Urban beekeeping")
    assert "## Why bees like cities" in markdown
    assert "## Your first hive" in markdown


def test_a_cancelled_job_stops_the_model_and_keeps_what_came(client: Client) -> None:
    long = {**OUTLINE, "sections": [{**OUTLINE["sections"][0], "target_words": 2000}]}
    job = client.submit(long, 0, api_name="/write_section")
    while not job.outputs() or len(job.outputs()[-1][0]) < 10:
        time.sleep(0.02)
    job.cancel()
    kept = job.outputs()
    assert len(kept[-1][0]) > 10
    client.predict("smollm2-135m", api_name="/offload_model")
    end = time.monotonic() + 10
    while in_use(client)["smollm2-135m"] == "device":
        assert time.monotonic() < end, "the model is still in use"
        time.sleep(0.1)


def test_code_streams_and_ends_with_a_report(client: Client) -> None:
    job = client.submit("a function that adds two numbers", language="python", api_name="/generate_code")
    answers = list(job)
    assert answers[0]["report"] is None
    last = answers[-1]
    assert set(last) == {"code", "language", "report", "notice", "work", "version"}
    assert last["language"] == "python"
    assert "def " in last["code"]
    assert set(last["report"]) == {"score", "language", "syntax", "parts"}


def test_code_is_scored(client: Client) -> None:
    good = client.predict("def add(a: int, b: int) -> int:\n    return a + b\n", "python", api_name="/score_code")
    bad = client.predict("def add(a, b)\n    return a + b\n", "python", api_name="/score_code")
    assert good["syntax"] == "ok"
    assert bad["syntax"] == "error"
    assert bad["score"] < good["score"]
    finding = next(finding for part in bad["parts"] for finding in part["findings"])
    assert set(finding) == {"line", "rule", "message", "link"}
    assert finding["line"] == 1


def test_a_photo_comes_back_four_times_larger(client: Client, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(data.astronaut()).crop((200, 50, 248, 98)).save(photo)
    larger, kept = client.predict(handle_file(str(photo)), model="realesr-animevideo-x4", api_name="/upscale")
    assert client.predict(id=kept["work"], api_name="/work")["kind"] == "enlargement"
    with Image.open(larger) as picture:
        assert picture.size == (192, 192)
        assert picture.format == "PNG"


def test_models_can_be_listed_loaded_and_offloaded(client: Client) -> None:
    listed = client.predict(api_name="/models")
    assert {"smollm2-135m", "sd-1.5", "realesrgan-x4plus"} <= {model["id"] for model in listed}
    for model in listed:
        assert set(model) == {"id", "task", "engine", "state", "bytes", "present", "licence"}
    assert client.predict("smollm2-135m", api_name="/load_model")["state"] == "device"
    assert client.predict("smollm2-135m", api_name="/offload_model")["state"] == "disk"


@pytest.mark.parametrize(
    ("endpoint", "arguments", "words"),
    [
        ("/outline", {"topic": "  "}, "topic"),
        ("/outline", {"topic": "x" * 1_000_000}, "long"),
        ("/outline", {"topic": "bees\x07"}, "control"),
        ("/outline", {"topic": "bees", "sections": 13}, "12"),
        ("/outline", {"topic": "bees", "sections": 0}, "1"),
        ("/outline", {"topic": "bees", "language": "fr"}, "language"),
        ("/outline", {"topic": "bees", "model": "nonesuch"}, "nonesuch"),
        ("/outline", {"topic": "bees", "model": "sd-1.5"}, "made for image"),
        ("/write_section", {"outline": {"title": "x"}, "index": 0}, "sections"),
        ("/write_section", {"outline": OUTLINE, "index": 7}, "section"),
        ("/outline", {"topic": "bees", "kind": "sonnet"}, "kind"),
        ("/continue", {"outline": OUTLINE, "index": 7, "text": "x"}, "section"),
        ("/rewrite", {"text": ""}, "text"),
        ("/export_article", {"text": ""}, "no text"),
        ("/illustrate", {"text": "# Only a title"}, "no text"),
        ("/export_article", {"text": "x", "format": "exe"}, "docx"),
        ("/rewrite", {"text": "Bees.", "change": "sing"}, "change"),
        ("/generate_code", {"description": ""}, "description"),
        ("/generate_code", {"description": "sort", "language": "klingon"}, "klingon"),
        ("/generate_image", {"prompt": "a cat", "width": 100}, "8"),
        ("/generate_image", {"prompt": "a cat", "steps": 0}, "1"),
        ("/load_model", {"model": "nonesuch"}, "nonesuch"),
    ],
)
def test_a_bad_request_is_refused_in_plain_words(
    client: Client, endpoint: str, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(**arguments, api_name=endpoint)
    assert words in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_a_file_that_is_no_picture_is_refused(client: Client, tmp_path: Path) -> None:
    text = tmp_path / "notes.png"
    text.write_text("not a picture at all", encoding="utf-8")
    with pytest.raises(AppError, match="picture"):
        client.predict(handle_file(str(text)), api_name="/upscale")


def test_nothing_on_the_way_logged_a_prompt_or_a_traceback(server: LiveServer) -> None:
    log = "".join(server.log)
    assert "beekeeping" not in log
    assert "Traceback" not in log
