"""LoRAs and textual inversions in their folders: found, told apart, put into prompts, and brought from a hub."""

import json
import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import save, save_file

from studio.engines.diffusion import Adapter
from studio.errors import InvalidRequest, StudioError, WeightsUnavailable
from studio.imaging.adapters.files import AdapterFile
from studio.imaging.adapters.hub import AdapterHub, Wanted
from studio.imaging.adapters.library import AdapterLibrary
from studio.imaging.prompts.attention import extract_loras
from studio.imaging.prompts.phrasing import Phrasing
from studio.registry import LoadProgress, Registry, Source
from studio.registry.models.fake import FakeLoader
from tests.support.hub import LARGE, LocalHub, local_hub
from tests.support.properties import PATIENT, examples
from tests.support.registries import fake_registry, spec
from tests.support.tiny_diffusion import save_tiny_lora, save_tiny_stable_diffusion

LAYER = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
TAGS = {"10_ink": {"ink wash": 50, "1girl": 7, "水墨": 90}, "1_more": {"1girl": 30}}


def lora(text: int, size: int = 320) -> dict[str, Any]:
    chance = np.random.default_rng(text)
    down, up = chance.standard_normal((8, text)), chance.standard_normal((size, 8))
    return {f"{LAYER}.lora_down.weight": down.astype(np.float16), f"{LAYER}.lora_up.weight": up.astype(np.float16)}


def put(file: Path, tensors: dict[str, Any], **metadata: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, metadata or None)
    return file


def base(folder: Path, text: int, *encoders: int) -> Path:
    for number, width in enumerate(encoders, 1):
        part = folder / ("text_encoder" if number == 1 else f"text_encoder_{number}")
        part.mkdir(parents=True)
        (part / "config.json").write_text(json.dumps({"hidden_size": width}))
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "config.json").write_text(json.dumps({"cross_attention_dim": text}))
    return folder


class Bomb:
    """What leaves a file behind when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder such as a designer has."""
    folder = tmp_path / "data"
    put(folder / "loras/ink.safetensors", lora(768), ss_tag_frequency=json.dumps(TAGS))
    xl = {"modelspec.trigger_phrase": "GLOW, neon", "modelspec.license": "CC0", "modelspec.title": "霓虹"}
    put(folder / "loras/style/Glow.safetensors", lora(2048), **xl)
    put(folder / "loras/style/ink.safetensors", lora(256))
    (folder / "loras/broken.safetensors").write_bytes((folder / "loras/ink.safetensors").read_bytes()[:-100])
    put(folder / "embeddings/zeb.safetensors", {"emb_params": np.ones((3, 768), np.float16)})
    put(folder / "embeddings/xl.safetensors", {"clip_g": np.ones((1, 1280)), "clip_l": np.ones((1, 768))})
    return folder


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    small = base(tmp_path / "small", 768, 768)
    large = base(tmp_path / "large", 2048, 768, 1280)
    return fake_registry(
        spec("sd", task="image", sources=[Source(path=str(small))]),
        spec("xl", task="image", sources=[Source(path=str(large))]),
        spec("far", task="image", sources=[Source(path=str(tmp_path / "none"))]),
        loader=FakeLoader(),
        cache=tmp_path / "cache",
    )


@pytest.fixture
def library(data: Path, registry: Registry) -> AdapterLibrary:
    return AdapterLibrary(data, registry)


def names(files: tuple[AdapterFile, ...]) -> list[str]:
    return [file.name for file in files]


def test_every_file_tells_what_it_is(library: AdapterLibrary, data: Path) -> None:
    Image.new("RGB", (900, 600), "red").save(data / "loras/ink.preview.png")
    assert names(library.find("lora")) == ["Glow", "ink", "style/ink", "broken"]
    ink = library.get("lora", "ink")
    assert (ink.family, ink.make.rank, ink.folder) == ("Stable Diffusion 1.5", 8, "")
    assert ink.size == ink.path.stat().st_size
    assert ink.triggers == ("水墨", "ink wash", "1girl")
    picture = library.preview(ink)
    assert picture is not None
    assert max(picture.size) == 384
    glow = library.get("lora", "Glow")
    assert (glow.family, glow.folder, glow.triggers) == ("SDXL", "style", ("GLOW", "neon"))
    assert (glow.title, glow.licence) == ("霓虹", "CC0")
    assert library.preview(glow) is None
    broken = library.get("lora", "broken")
    assert broken.trouble is not None
    assert "cut off" in broken.trouble.text()
    assert not broken.usable
    assert library.get("lora", "style/ink").family == ""
    assert {file.name: file.family for file in library.find("inversion")} == {
        "zeb": "Stable Diffusion 1.5",
        "xl": "SDXL",
    }


def test_what_comes_with_the_studio_is_there_too_and_the_hosts_own_goes_first(
    data: Path, registry: Registry, tmp_path: Path
) -> None:
    shipped = tmp_path / "shipped"
    (shipped / "loras").mkdir(parents=True)
    for name in ("flat", "ink"):
        shutil.copy(data / "loras" / "ink.safetensors", shipped / "loras" / f"{name}.safetensors")
    library, phrasing = AdapterLibrary(data, registry, shipped=shipped), Phrasing(data, shipped)
    paths = {file.name: file.path for file in library.find("lora")}
    assert paths["flat"].is_relative_to(shipped)
    assert paths["ink"].is_relative_to(data)
    for name, path in (("flat", paths["flat"]), ("ink", paths["ink"])):
        assert [each.path for each in phrasing.phrase(f"a cat <lora:{name}:1>", "", (), 1).adapters] == [path]


def test_what_does_not_go_with_a_model_is_marked_and_comes_last(library: AdapterLibrary) -> None:
    files = library.find("lora", model="sd")
    assert names(files) == ["ink", "broken", "Glow", "style/ink"]
    assert [file.misfit is None for file in files] == [True, True, False, False]
    assert names(tuple(file for file in library.find("lora", model="xl") if file.usable)) == ["Glow"]
    assert [file.name for file in library.find("inversion", model="xl") if file.misfit] == ["zeb"]
    assert all(file.misfit is None for file in library.find("lora", model="far")), "nobody knows what that is"
    assert names(library.find("lora", model="")) == names(files), "the model that would draw"


def test_a_lora_of_another_family_is_refused_before_the_model_is_loaded(
    library: AdapterLibrary, registry: Registry, data: Path
) -> None:
    small, large, far = (registry.choose(name, "image") for name in ("sd", "xl", "far"))
    ink, glow = (Adapter(data / "loras" / name, 0.5) for name in ("ink.safetensors", "style/Glow.safetensors"))
    library.check([ink], small)
    library.check([glow], large)
    library.check([ink, glow], far)
    with pytest.raises(InvalidRequest, match=r"“Glow” was made for SDXL; sd is Stable Diffusion 1\.5\."):
        library.check([ink, glow], small)
    with pytest.raises(InvalidRequest, match="cut off"):
        library.check([Adapter(data / "loras/broken.safetensors")], far)
    library.check([Adapter(data / "loras/gone.safetensors")], small)


def test_a_real_lora_goes_with_its_own_model_and_not_with_another(tmp_path: Path) -> None:
    tiny = save_tiny_stable_diffusion(tmp_path / "tiny")
    xl = save_tiny_stable_diffusion(tmp_path / "xl", xl=True)
    files = [save_tiny_lora(tmp_path / f"data/loras/{e}.safetensors", tiny, encoder=e) for e in (False, True)]
    loader = FakeLoader()
    entries = [spec(f.name, task="image", sources=[Source(path=str(f))]) for f in (tiny, xl)]
    registry = fake_registry(*entries, loader=loader, cache=tmp_path / "cache")
    library = AdapterLibrary(tmp_path / "data", registry)
    assert [file.usable for file in library.find("lora", model="tiny")] == [True, True]
    library.check([Adapter(file) for file in files], entries[0])
    with pytest.raises(InvalidRequest, match="32 numbers a token; xl has 64"):
        library.check([Adapter(files[0])], entries[1])
    assert library.get("lora", "False").make.rank == 4


def test_code_in_a_pickle_never_runs_whatever_its_file_is_called(
    data: Path, library: AdapterLibrary, registry: Registry, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    content = pickle.dumps(Bomb(marker))
    for name in ("loras/evil.pt", "loras/EVIL2.CKPT", "loras/mask.safetensors", "embeddings/bad.ckpt"):
        (data / name).write_bytes(content)
    told = {file.name: file.trouble for kind in ("lora", "inversion") for file in library.find(kind, model="sd")}
    assert told["evil.pt"] is not None
    assert "can carry programs" in told["evil.pt"].text()
    assert told["EVIL2.CKPT"] is not None
    assert told["bad.ckpt"] is not None
    mask = told["mask"]
    assert mask is not None
    assert "no safetensors file" in mask.text()
    with pytest.raises(InvalidRequest, match="can carry programs"):
        library.text(library.get("lora", "evil.pt"))
    with pytest.raises(InvalidRequest, match="can carry programs"):
        Phrasing(data).phrase("a cat <lora:evil:1>", "", (), 1)
    adapters = Phrasing(data).phrase("a cat <lora:mask:1>", "", (), 1).adapters
    with pytest.raises(InvalidRequest, match="no safetensors"):
        library.check(adapters, registry.choose("sd", "image"))
    assert not marker.exists()
    pickle.loads(content)
    assert marker.exists(), "it would have"


def test_names_that_two_files_share_still_mean_one_of_them(data: Path, library: AdapterLibrary) -> None:
    phrase = Phrasing(data).phrase("<lora:ink><lora:style/ink:0.5><lora:Glow>", "", (), 1)
    assert [adapter.path.relative_to(data / "loras").as_posix() for adapter in phrase.adapters] == [
        "ink.safetensors", "style/ink.safetensors", "style/Glow.safetensors"]  # fmt: skip
    put(data / "embeddings/deep/zeb.safetensors", {"emb_params": np.ones((3, 768))})
    zebs = {file.name: file.trouble for file in library.find("inversion", "zeb")}
    assert zebs["zeb"] is None
    assert zebs["deep/zeb.safetensors"] is not None
    assert [word.name for word in Phrasing(data).phrase("a zeb", "", (), 1).inversions] == ["zeb"]
    put(data / "loras/a<b.safetensors", lora(768))
    odd = library.get("lora", "a<b")
    assert odd.trouble is not None
    assert odd.trouble.code == "adapter.name"


def test_files_that_lie_in_the_wrong_folder_say_so(data: Path, library: AdapterLibrary) -> None:
    put(data / "embeddings/ink2.safetensors", lora(768))
    put(data / "loras/word.safetensors", {"emb_params": np.ones((3, 768))})
    put(data / "loras/vae.safetensors", {"conv.weight": np.ones((3, 3, 3, 3))})
    found = [library.get("inversion", "ink2"), library.get("lora", "word"), library.get("lora", "vae")]
    codes = [file.trouble.code for file in found if file.trouble]
    assert codes == ["adapter.is_lora", "adapter.is_inversion", "adapter.other"]


@pytest.mark.parametrize(
    "tags", ["{", "[1]", '{"a": 3}', '{"a": {"b": "x"}}', '{"a": {"b": 1e999}}', '{"a":' * 10_000, "null"]
)
def test_odd_metadata_costs_only_the_words(tags: str, data: Path, library: AdapterLibrary) -> None:
    put(data / "loras/odd.safetensors", lora(768), ss_tag_frequency=tags)
    odd = library.get("lora", "odd")
    assert (odd.usable, odd.triggers) == (True, ())


def test_a_file_is_read_again_only_when_it_has_changed(data: Path, library: AdapterLibrary) -> None:
    file = data / "loras/ink.safetensors"
    library.find("lora")
    times, size = file.stat(), file.stat().st_size
    file.write_bytes(b"x" * size)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert library.get("lora", "ink").usable
    os.utime(file)
    assert not library.get("lora", "ink").usable
    file.unlink()
    assert library.get("lora", "ink").path == data / "loras/style/ink.safetensors"


def test_nothing_is_needed_to_begin(tmp_path: Path) -> None:
    library = AdapterLibrary(tmp_path / "none")
    assert library.find("lora", "x", "any") == ()
    with pytest.raises(InvalidRequest, match="“ink” is not there"):
        library.get("lora", "ink")
    with pytest.raises(InvalidRequest):
        next(library.fetch("a/b", "c.safetensors"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Glow", "ink", "style/ink", "broken"]),
        ("INK", ["ink", "style/ink"]),
        ("ink style", ["style/ink"]),
        ("style ink", ["style/ink"]),
        ("水墨", ["ink"]),
        ("霓虹 glow", ["Glow"]),
        ("ＧＬＯＷ", ["Glow"]),
        ("sdxl", ["Glow"]),
        ("wash 1girl", ["ink"]),
        ("水墨 neon", []),
    ],
)
def test_words_of_names_tags_and_folders_find_a_file(query: str, found: list[str], library: AdapterLibrary) -> None:
    assert names(library.find("lora", query)) == found


WORDS = ["ink", "wash", "水墨", "风格", "Détail", "STRASSE", "v2", "1girl"]


@settings(max_examples=examples(30), suppress_health_check=[*PATIENT, HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True), data=st.data())
def test_any_words_in_any_order_and_case_find_what_has_them_all(words: list[str], data: Any, tmp_path: Path) -> None:
    folder = tmp_path / "_".join(words)
    half = len(words) // 2
    tags = json.dumps({"1_x": dict.fromkeys(words[half:], 1)})
    put(folder / "loras" / f"{'-'.join(words[:half]) or 'nameless'}.safetensors", lora(32, 8), ss_tag_frequency=tags)
    library = AdapterLibrary(folder)
    asked = data.draw(st.lists(st.sampled_from(words), min_size=1).flatmap(st.permutations))
    change = data.draw(st.sampled_from([str, str.upper, str.lower]))
    assert len(library.find("lora", f"  {change('  '.join(asked))} ")) == 1
    missing = next(word for word in WORDS if word not in words)
    assert library.find("lora", " ".join([*asked, missing])) == ()


@settings(suppress_health_check=[*PATIENT, HealthCheck.function_scoped_fixture])
@given(
    prompt=st.lists(
        st.sampled_from(
            ["a cat", " ", ", ", "<lora:ink:0.3>", "<lora:ink>", "<lora:Glow:1>", "<lora: ink :x>", "(b:1.2)", "\n"]
        )
    ).map("".join),
    weight=st.floats(-10, 10).map(lambda number: round(number, 2)),
)
def test_a_prompt_has_what_is_added_once_and_everything_else_as_it_was(
    prompt: str, weight: float, library: AdapterLibrary
) -> None:
    changed = library.added(prompt, library.get("lora", "ink"), weight)
    bare, loras = extract_loras(changed)
    assert [lora.weight for lora in loras if lora.name == "ink"] == [weight]
    before = prompt.replace("<lora: ink :x>", "<lora:ink>")
    left, others = extract_loras(before)
    assert bare.strip() == left.strip()
    assert [lora for lora in loras if lora.name != "ink"] == [lora for lora in others if lora.name != "ink"]
    assert library.added(changed, library.get("lora", "ink"), weight) == changed


def test_a_new_weight_stands_where_the_old_one_stood(library: AdapterLibrary) -> None:
    ink = library.get("lora", "ink")
    assert library.text(ink, 0.8) == "<lora:ink:0.8>"
    assert library.added("", ink) == "<lora:ink:1>"
    assert library.added("a <lora:ink:1> cat", ink, 0.25) == "a <lora:ink:0.25> cat"
    for weight in (float("nan"), float("inf"), 11):
        with pytest.raises(InvalidRequest, match="no weight"):
            library.added("a", ink, weight)
    zeb = library.get("inversion", "zeb")
    assert library.added("a cat, ", zeb) == "a cat, zeb"
    assert library.added("A ZEB, at night", zeb) == "A ZEB, at night"
    assert library.added("zebra", zeb) == "zebra, zeb"


INK = save(lora(768, 100_000), {"modelspec.title": "Ink"})
WORD = save({"emb_params": np.ones((8, 768), np.float16)})
REPOSITORY = {
    "ink.safetensors": INK,
    "deep/水 ink v2?.safetensors": INK,
    "word.safetensors": WORD,
    "evil.safetensors": pickle.dumps(Bomb(Path("ran"))) * 99,
    "model.safetensors": save({"conv.weight": np.ones((64, 3, 3, 3))}),
    "ink.ckpt": b"x" * LARGE,
}


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with local_hub({"maker/ink": REPOSITORY}) as served:
        yield served


@pytest.fixture
def fetching(hub: LocalHub, tmp_path: Path) -> AdapterLibrary:
    return fetcher(hub, tmp_path)


def fetcher(hub: LocalHub, folder: Path, most_bytes: int = 10**8) -> AdapterLibrary:
    environ = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(folder / "shared")}
    data = folder / "data"
    return AdapterLibrary(data, hub=AdapterHub(data, folder / "cache", most_bytes=most_bytes, environ=environ))


def fetched(library: AdapterLibrary, repository: str, file: str = "") -> AdapterFile:
    *_, last = library.fetch(repository, file)
    assert isinstance(last, AdapterFile)
    return last


def kept(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def test_a_file_of_the_hub_comes_into_the_folder_of_its_kind(fetching: AdapterLibrary, tmp_path: Path) -> None:
    ink = fetched(fetching, "maker/ink", "ink.safetensors")
    assert (ink.name, ink.title, ink.family) == ("ink", "Ink", "Stable Diffusion 1.5")
    assert ink.path.read_bytes() == INK
    assert fetched(fetching, " maker/ink ", "word.safetensors").kind == "inversion"
    deep = fetched(fetching, "https://hub.test/maker/ink/blob/main/deep/%E6%B0%B4%20ink%20v2%3F.safetensors?x=1")
    assert fetching.text(deep) == "<lora:水 ink v2_:1>"
    assert kept(tmp_path / "data") == [
        "embeddings/word.safetensors",
        "loras/ink.safetensors",
        "loras/水 ink v2_.safetensors",
    ]
    assert not [file for file in kept(tmp_path / "cache") if file.endswith(".safetensors")], "nothing is kept twice"


def test_a_transfer_that_broke_off_goes_on_where_it_was(
    fetching: AdapterLibrary, hub: LocalHub, tmp_path: Path
) -> None:
    hub.faults.seconds_per_chunk = 0.05
    steps = fetching.fetch("maker/ink", "ink.safetensors")
    seen = next(step for step in steps if isinstance(step, LoadProgress) and step.done > 200_000)
    assert seen.total == len(INK)
    assert seen.name == "ink.safetensors"
    steps.close()  # type: ignore[attr-defined]
    assert kept(tmp_path / "data") == []
    hub.faults.seconds_per_chunk = 0
    hub.faults.cut_after, hub.faults.cuts = 400_000, 1
    assert fetched(fetching, "maker/ink", "ink.safetensors").path.read_bytes() == INK
    ranges = [int(seen.range.removeprefix("bytes=").rstrip("-")) for seen in hub.files if seen.range]
    assert len(ranges) == 2
    assert 200_000 <= ranges[0] < ranges[1]


def test_what_is_too_large_is_not_fetched(hub: LocalHub, tmp_path: Path) -> None:
    hub.faults.seconds_per_chunk = 0.1
    with pytest.raises(InvalidRequest, match="2 MB; no more than 1 MB"):
        fetched(fetcher(hub, tmp_path, 10**6), "maker/ink", "ink.safetensors")
    assert kept(tmp_path / "data") == []


def test_no_file_is_replaced(fetching: AdapterLibrary, hub: LocalHub, tmp_path: Path) -> None:
    mine = tmp_path / "data/loras/ink.safetensors"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(InvalidRequest, match=r"“ink\.safetensors” in the folder loras already"):
        fetched(fetching, "maker/ink", "ink.safetensors")
    assert mine.read_bytes() == b"mine"
    assert hub.seen == []


@pytest.mark.parametrize(
    ("repository", "file", "error", "says"),
    [
        ("maker/ink", "model.safetensors", InvalidRequest, "neither a LoRA"),
        ("maker/ink", "evil.safetensors", InvalidRequest, "no safetensors file"),
        ("maker/ink", "ink.ckpt", InvalidRequest, "can carry programs"),
        ("maker/ink", "readme.md", InvalidRequest, "no safetensors file"),
        ("maker/ink", "", InvalidRequest, "Which file of maker/ink"),
        ("maker/ink", "../ink.safetensors", InvalidRequest, "Which file"),
        ("maker/ink", "/etc/ink.safetensors", InvalidRequest, "Which file"),
        ("ink", "ink.safetensors", InvalidRequest, "no repository"),
        ("../..", "ink.safetensors", InvalidRequest, "no repository"),
        ("a/../b", "ink.safetensors", InvalidRequest, "no repository"),
        ("maker/ink?x=", "ink.safetensors", InvalidRequest, "no repository"),
        ("", "", InvalidRequest, "no repository"),
        ("maker/none", "ink.safetensors", WeightsUnavailable, "no public repository maker/none"),
        ("maker/ink", "none.safetensors", WeightsUnavailable, "no file none.safetensors"),
    ],
)
def test_what_cannot_be_brought_says_why_and_leaves_nothing(
    repository: str, file: str, error: type[StudioError], says: str, fetching: AdapterLibrary, tmp_path: Path
) -> None:
    with pytest.raises(error) as caught:
        fetched(fetching, repository, file)
    assert says in caught.value.text()
    assert caught.value.hint("zh-CN")
    assert "models.yaml" not in caught.value.hint() or "neither" in says
    assert kept(tmp_path / "data") == []


def test_what_arrives_damaged_is_not_kept(fetching: AdapterLibrary, hub: LocalHub, tmp_path: Path) -> None:
    hub.faults.replace = {"ink.safetensors": INK[::-1]}
    with pytest.raises(WeightsUnavailable, match="damaged"):
        fetched(fetching, "maker/ink", "ink.safetensors")
    assert kept(tmp_path / "data") == []
    hub.faults.replace = {}
    assert fetched(fetching, "maker/ink", "ink.safetensors").usable


def test_names_that_say_nothing_become_the_repositorys() -> None:
    assert Wanted.of("maker/lcm-lora", "pytorch_lora_weights.safetensors").target == "lcm-lora.safetensors"
    link = "https://hub.test/maker/toy/resolve/refs%2Fpr%2F1/learned_embeds.safetensors"
    assert Wanted.of(link) == Wanted("maker/toy", "learned_embeds.safetensors", "refs/pr/1")
    assert Wanted.of("https://hub.test/maker/toy/", "a.safetensors") == Wanted("maker/toy", "a.safetensors")


@pytest.mark.parametrize(
    "revision", ["..%2F..%2F..%2Fescaped", "%2Fetc", "a%2F..%2Fb", "a%00b", ".git", "a%5C..%5Cb", "x" * 201]
)
def test_a_revision_in_a_pasted_link_never_leads_out_of_the_cache(revision: str) -> None:
    with pytest.raises(InvalidRequest, match="branch, tag or commit"):
        Wanted.of(f"https://hub.test/maker/toy/blob/{revision}/learned_embeds.safetensors")


@given(stem=st.text(min_size=1, max_size=300).filter(lambda text: "/" not in text))
def test_every_name_becomes_one_that_all_systems_take_and_prompts_can_say(stem: str) -> None:
    try:
        name = Wanted.of("maker/ink", f"{stem}.safetensors").target
    except InvalidRequest:
        return
    assert len(name.encode()) < 200
    assert not set(name) & set('<>:"/\\|?*\0\n')
    assert not name.startswith(".")
    said = name.removesuffix(".safetensors")
    assert [found.name for found in extract_loras(f"<lora:{said}:1>")[1]] == [said.strip()]
