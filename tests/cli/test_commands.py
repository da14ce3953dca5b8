"""The `studio` command as a shell runs it, on real weights."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from docx import Document
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from pypdf import PdfReader
from skimage import data

COMMAND = [sys.executable, "-c", "from studio.cli import main; main()"]


def environment(folder: Path, **variables: str) -> dict[str, str]:
    places = {"STUDIO_CACHE": str(folder / "cache"), "STUDIO_OUTPUTS": str(folder / "outputs"), "STUDIO_THREADS": "1"}
    # Its words do not matter here, and it is quick.
    default = {"STUDIO_DEFAULT_MODELS": "text=smollm2-135m, code=smollm2-135m"}
    return {**os.environ, "LC_ALL": "C.UTF-8", **default, **places, **variables}


def studio(
    folder: Path, *arguments: str, text: str | None = None, **variables: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments],
        input=text,
        env=environment(folder, **variables),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_from_a_brief_to_a_word_document(tmp_path: Path) -> None:
    brief = "topic: Baking bread\nsections: 3\nwords: 100\ntone: calm\nnotes: Bake it for 40 minutes\n"
    (tmp_path / "brief.yaml").write_text(brief, encoding="utf-8")
    planned = studio(tmp_path, "outline", "brief.yaml", "--sections", "2")
    assert planned.returncode == 0, planned.stderr
    outline = json.loads(planned.stdout)
    assert len(outline["sections"]) == 2
    assert (outline["brief"]["tone"], outline["brief"]["notes"]) == ("calm", "Bake it for 40 minutes")
    (tmp_path / "outline.json").write_text(planned.stdout, encoding="utf-8")
    written = studio(tmp_path, "write", "outline.json", "--output", "article.md")
    assert written.returncode == 0, written.stderr
    article = (tmp_path / "article.md").read_text(encoding="utf-8")
    assert article.startswith(f"# {outline['title']}")
    for section in outline["sections"]:
        assert f"## {section['heading']}" in article
    made = studio(tmp_path, "export", "article.md", "--format", "docx", "--output", "article.docx")
    assert made.returncode == 0, made.stderr
    headings = [p.text for p in Document(str(tmp_path / "article.docx")).paragraphs if p.style.name == "Heading 1"]
    assert headings == [section["heading"] for section in outline["sections"]]
    paper = studio(tmp_path, "export", "article.md", "--format", "pdf", "--output", "article.pdf")
    assert paper.returncode == 0, paper.stderr
    assert PdfReader(tmp_path / "article.pdf").metadata.title == outline["title"]
    again = studio(tmp_path, "export", "-", "--format", "txt", "--json", text=article)
    assert (tmp_path / json.loads(again.stdout)["file"]).read_text(encoding="utf-8").startswith(outline["title"])


def test_a_file_that_is_no_brief_or_no_article_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "brief.yaml").write_text("- a list", encoding="utf-8")
    (tmp_path / "empty.md").write_text("\n", encoding="utf-8")
    for arguments in (
        ["outline", "brief.yaml"],
        ["outline", "gone.yaml"],
        ["export", "empty.md"],
        ["export", "gone.md"],
    ):
        refused = studio(tmp_path, *arguments)
        assert refused.returncode == 2
        assert refused.stderr.strip()
        assert "Traceback" not in refused.stderr


def test_an_outline_for_people_names_its_sections_in_the_language_of_the_shell(tmp_path: Path) -> None:
    shown = studio(tmp_path, "outline", "Baking bread", "--sections", "1", "--words", "60", LC_ALL="zh_CN.UTF-8")
    assert shown.returncode == 0, shown.stderr
    assert "（约 60 字）" in shown.stdout


def test_code_is_scored_from_a_file_and_from_stdin(tmp_path: Path) -> None:
    source = "def add(a: int, b: int) -> int:\n    return a + b\n"
    (tmp_path / "module.py").write_text(source, encoding="utf-8")
    from_file = studio(tmp_path, "code", "--score", "module.py", "--json")
    from_stdin = studio(tmp_path, "code", "--score", "-", "--json", text=source)
    assert json.loads(from_file.stdout) == json.loads(from_stdin.stdout)
    assert json.loads(from_file.stdout)["syntax"] == "ok"


def test_a_photo_is_enlarged_to_the_file_that_was_named(tmp_path: Path) -> None:
    Image.fromarray(data.astronaut()).crop((200, 50, 232, 82)).save(tmp_path / "photo.jpg")
    done = studio(tmp_path, "upscale", "photo.jpg", "--model", "realesr-animevideo-x4", "--output", "large.png")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "large.png"
    assert Image.open(tmp_path / "large.png").size == (128, 128)


def test_a_picture_tells_how_it_was_made(tmp_path: Path) -> None:
    text = "一只猫\nNegative prompt: dog\nSteps: 20, Sampler: DDIM, Seed: 5, Size: 64x32"
    chunks = PngInfo()
    chunks.add_text("parameters", text)
    Image.new("RGB", (8, 8)).save(tmp_path / "cat.png", pnginfo=chunks)
    assert studio(tmp_path, "infotext", "cat.png").stdout == f"{text}\n"
    told = json.loads(studio(tmp_path, "infotext", "-", "--json", text=text).stdout)
    assert (told["prompt"], told["sampler"], told["height"]) == ("一只猫", "DDIM", 32)
    Image.new("RGB", (8, 8)).save(tmp_path / "bare.png")
    refused = studio(tmp_path, "infotext", "bare.png")
    assert refused.returncode == 2
    assert "carries no settings" in refused.stderr


def test_the_catalogue_is_listed(tmp_path: Path) -> None:
    listed = json.loads(studio(tmp_path, "models", "--json").stdout)
    present = {model["id"] for model in listed if model["present"]}
    assert {"smollm2-135m", "realesrgan-x4plus"} <= present
    assert "sd-1.5" not in present


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["outline", " "], 2, "topic"),
        (["outline", "bees", "--sections", "13"], 2, "12"),
        (["outline", "bees", "--model", "nonesuch"], 2, "nonesuch"),
        (["write", "missing.json"], 2, "missing.json"),
        (["code", "sort a list", "--language", "klingon"], 2, "klingon"),
        (["upscale", "missing.png"], 2, "missing.png"),
        (["image", "a cat", "--model", "sd-1.5"], 3, "Stable Diffusion 1.5"),
        (["image", "a cat", "--image", "missing.png"], 2, "missing.png"),
        (["image", "a cat", "--image", "missing.png", "--strength", "0"], 2, "strength"),
        (["image", "a cat", "--control", "canny, 0.8"], 2, "0.8"),
        (["image", "a cat", "--control", "nonesuch, image=sketch.png"], 2, "nonesuch"),
        (["image", "a cat", "--x", "steps"], 2, "steps"),
        (["image", "a cat", "--y", "steps=8, 16"], 2, "“x”"),
    ],
)
def test_an_error_is_one_sentence_on_stderr_and_an_exit_code(
    tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    done = studio(tmp_path, *arguments, HF_ENDPOINT="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plot_follows_a_sketch(tmp_path: Path) -> None:
    sketch = Image.new("L", (128, 128))
    ImageDraw.Draw(sketch).ellipse((30, 20, 98, 108), outline=255, width=5)
    sketch.save(tmp_path / "a, b.png")
    unit = 'starter-control-scribble, "image=a, b.png", scale=0.9, end=0.8'
    options = ["--control", unit, "--x", "seed=1, 2", "--steps", "4", "--output", "plot.png", "--json"]
    done = studio(tmp_path, "image", "a balloon, yellow background", *options)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [len(row) for row in answer["cells"]] == [2]
    assert "Weight: 0.9" in answer["infotext"]
    assert "X Type: Seed" in answer["infotext"]
    with Image.open(tmp_path / "plot.png") as sheet:
        assert sheet.size == (answer["width"], answer["height"])


def test_a_malformed_catalogue_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("version: 1\nmodels:\n  - id: x\n    nmae: X\n", encoding="utf-8")
    done = studio(tmp_path, "models", STUDIO_CATALOGUE=str(tmp_path / "models.yaml"))
    assert done.returncode == 2
    assert "4" in done.stderr
    assert "nmae" in done.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = studio(tmp_path, "serve", "--port", port)
    assert done.returncode == 5
    assert port in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ there")
def test_an_interrupt_ends_the_command_in_a_word(tmp_path: Path) -> None:
    outline = {"title": "Bread", "sections": [{"heading": "A very long history", "target_words": 2000}]}
    (tmp_path / "outline.json").write_text(json.dumps(outline), encoding="utf-8")
    process = subprocess.Popen(
        [*COMMAND, "write", "outline.json"],
        env=environment(tmp_path),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    shown = process.stdout.readline() + process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, error = process.communicate(timeout=60)
    assert "## A very long history" in shown + rest
    assert process.returncode == 130
    assert "Stopped." in error
    assert "Traceback" not in error
