"""What prompts do to the picture, on the tiny model, and against diffusers' own reading of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.engines.diffusion import DiffusersLoader, DiffusionRequest, Inversion, TokenCount, Words, token_counter
from studio.engines.diffusion.conditioning.encoding import Encoding, readers
from studio.engines.diffusion.derivation import derived
from studio.engines.diffusion.engine import DiffusersEngine
from studio.errors import InvalidRequest, WeightsUnavailable
from tests.support.drawing import CAT, SPEC, drawn, loaded, pixels, same
from tests.support.tiny_diffusion import save_tiny_stable_diffusion

HEAVY: Words = (("a ", 1.0), ("cat", 1.5))


@pytest.fixture(scope="module")
def xl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_stable_diffusion(tmp_path_factory.mktemp("xl"), xl=True)


@pytest.fixture(scope="module")
def xl(xl_folder: Path) -> DiffusersEngine:
    return loaded(xl_folder)


def by_diffusers(folder: Path, request: DiffusionRequest) -> np.ndarray:
    """The picture that the library draws when it reads the prompts itself."""
    from diffusers import DiffusionPipeline

    pipe = DiffusionPipeline.from_pretrained(folder, safety_checker=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    image = pipe(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt or None,
        width=request.width,
        height=request.height,
        num_inference_steps=request.steps,
        guidance_scale=request.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(request.seed),
    ).images[0]
    return np.asarray(image)


@pytest.mark.parametrize("changes", [{}, {"negative_prompt": ""}, {"guidance_scale": 1.0}])
@pytest.mark.parametrize("kind", ["engine", "xl"])
def test_a_plain_prompt_of_one_chunk_is_drawn_as_diffusers_draws_it(
    kind: str, changes: dict[str, object], request: pytest.FixtureRequest
) -> None:
    engine = request.getfixturevalue(kind)
    folder = request.getfixturevalue("folder" if kind == "engine" else "xl_folder")
    wanted = replace(CAT, steps=2, **changes)
    np.testing.assert_array_equal(pixels(drawn(engine, wanted)), by_diffusers(folder, wanted))


@pytest.mark.parametrize("kind", ["engine", "xl"])
def test_weights_change_the_picture_and_weights_of_one_do_not(kind: str, request: pytest.FixtureRequest) -> None:
    engine = request.getfixturevalue(kind)
    base = drawn(engine, steps=2)
    assert same(base, drawn(engine, steps=2, words=(("a cat", 1.0),), negative_words=(("a dog", 1.0),)))
    heavy = drawn(engine, steps=2, words=HEAVY)
    assert not same(base, heavy)
    assert not same(heavy, drawn(engine, steps=2, words=(("a ", 1.0), ("cat", 0.5))))
    assert not same(base, drawn(engine, steps=2, negative_words=(("a dog", 1.3),)))
    for weight in (0.0, -1.0, 1e300):
        assert drawn(engine, steps=1, words=(("a cat", weight),)).image.size == (64, 64)


def test_stress_multiplies_each_token_and_keeps_the_mean(folder: Path) -> None:
    engine = loaded(folder)
    encoder = engine._pipe.text_encoder
    # Untrained, its embeddings have a mean of zero; trained ones have not.
    torch.nn.init.constant_(getattr(encoder, "text_model", encoder).final_layer_norm.bias, 0.5)
    plain = embedded(engine, (("a cat", 1.0),))
    heavy = embedded(engine, HEAVY)
    assert float(heavy.mean()) == pytest.approx(float(plain.mean()), rel=1e-4)
    ratio = (heavy / plain)[0].median(dim=-1).values
    assert float(ratio[0]) != 1
    # The beginning, "a", the three letters of "cat", and the end.
    assert ratio[:6] / ratio[0] == pytest.approx([1, 1, 1.5, 1.5, 1.5, 1], rel=1e-4)


def test_a_mean_of_zero_leaves_the_product_as_it_is(engine: DiffusersEngine) -> None:
    plain, heavy = embedded(engine, (("a cat", 1.0),)), embedded(engine, HEAVY)
    torch.testing.assert_close(heavy[:, :2], plain[:, :2])
    torch.testing.assert_close(heavy[:, 2:5], plain[:, 2:5] * 1.5)


def embedded(engine: DiffusersEngine, words: Words, **changes: object) -> torch.Tensor:
    return given(engine, words, **changes)["prompt_embeds"]


def given(engine: DiffusersEngine, words: Words, **changes: object) -> dict[str, torch.Tensor]:
    """What the pipeline would be called with."""
    request = replace(CAT, words=words, **changes)
    with engine._tokenizers.lent() as own:
        pipe = derived(engine._pipe, request, own)
        return Encoding(pipe, readers(pipe, own), request, lambda: None).arguments()


def test_prompts_of_any_length_are_read_in_chunks(engine: DiffusersEngine) -> None:
    both = given(engine, (("a cat " * 40, 1.0),))
    assert both["prompt_embeds"].shape == (1, 3 * 77, 32)
    assert both["negative_prompt_embeds"].shape == (1, 3 * 77, 32)
    first = both["prompt_embeds"][:, :77]
    torch.testing.assert_close(first, embedded(engine, (("a cat " * 40, 1.0),), steps=9)[:, :77])
    assert drawn(engine, prompt="a cat " * 60, steps=1).notice is None
    assert not same(drawn(engine, prompt="a cat " * 60, steps=2), drawn(engine, prompt="a cat " * 40, steps=2))


def test_the_shorter_side_is_filled_up_with_empty_chunks(engine: DiffusersEngine) -> None:
    both = given(engine, (("a", 1.0),), negative_words=(("b", 1.0), ("BREAK", -1.0), ("c", 1.0)))
    empty = embedded(engine, (("", 1.0),))
    torch.testing.assert_close(both["prompt_embeds"][:, 77:], empty)
    torch.testing.assert_close(both["prompt_embeds"][:, :77], embedded(engine, (("a", 1.0),)))


def test_xl_takes_its_pooled_embedding_from_the_first_chunk(xl: DiffusersEngine) -> None:
    one = given(xl, (("a cat", 1.0),))
    two = given(xl, (("a cat", 1.0), ("BREAK", -1.0), ("a dog", 1.0)))
    assert two["prompt_embeds"].shape == (1, 2 * 77, 64)
    torch.testing.assert_close(one["pooled_prompt_embeds"], two["pooled_prompt_embeds"])


def test_clip_skip_counts_layers_from_the_end(engine: DiffusersEngine, xl: DiffusersEngine) -> None:
    base = drawn(engine, steps=2)
    assert same(base, drawn(engine, steps=2, clip_skip=1))
    assert not same(base, drawn(engine, steps=2, clip_skip=2))
    xl_base = drawn(xl, steps=2)
    assert same(xl_base, drawn(xl, steps=2, clip_skip=1))
    assert same(xl_base, drawn(xl, steps=2, clip_skip=2)), "XL was trained on this layer"
    with pytest.raises(InvalidRequest) as caught:
        drawn(engine, clip_skip=9)
    assert caught.value.details["most"] == 2
    assert caught.value.explain("zh-CN")


def test_the_penultimate_layer_goes_through_the_last_norm(engine: DiffusersEngine) -> None:
    encoder = engine._pipe.text_encoder
    with torch.no_grad(), engine._tokenizers.lent() as own:
        ids = own["tokenizer"]("a cat", padding="max_length", return_tensors="pt").input_ids
        states = encoder(ids, output_hidden_states=True).hidden_states
        expected = getattr(encoder, "text_model", encoder).final_layer_norm(states[-2])
    torch.testing.assert_close(embedded(engine, (("a cat", 1.0),), clip_skip=2), expected)


def inversion(file: Path, content: object) -> tuple[Inversion, ...]:
    torch.save(content, file)
    return (Inversion("zebra", file),)


def test_a_textual_inversion_stands_for_its_word_and_leaves_nothing_behind(
    engine: DiffusersEngine, tmp_path: Path
) -> None:
    vectors = torch.randn(3, 32, generator=torch.Generator().manual_seed(5))
    learned = inversion(tmp_path / "zebra.pt", {"string_to_param": {"*": vectors}, "name": "zebra"})
    base, word = drawn(engine, steps=2), drawn(engine, steps=2, prompt="a zebra")
    with_it = drawn(engine, steps=2, prompt="a zebra", inversions=learned)
    assert not same(word, with_it)
    assert with_it.notice is None
    assert same(word, drawn(engine, steps=2, prompt="a zebra"))
    assert same(base, drawn(engine, steps=2, inversions=learned)), "the prompt does not name it"
    assert same(with_it, drawn(engine, steps=2, prompt="a zebra", inversions=learned))


def test_textual_inversions_of_safetensors_and_for_xl_are_read(xl: DiffusersEngine, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"clip_l": torch.randn(2, 32), "clip_g": torch.randn(2, 32)}, tmp_path / "z.safetensors")
    learned = (Inversion("zebra", tmp_path / "z.safetensors"),)
    word = drawn(xl, steps=2, prompt="a zebra")
    assert not same(word, drawn(xl, steps=2, prompt="a zebra", inversions=learned))


def test_an_inversion_for_another_model_is_text_with_a_notice(engine: DiffusersEngine, tmp_path: Path) -> None:
    learned = inversion(tmp_path / "z.pt", {"string_to_param": {"*": torch.ones(2, 768)}})
    picture = drawn(engine, steps=2, prompt="a zebra", inversions=learned)
    assert same(picture, drawn(engine, steps=2, prompt="a zebra"))
    assert picture.notice == "imaging.notice.inversion"


class Trap:
    """Runs code when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


def test_a_file_with_code_in_it_is_refused_and_its_code_never_runs(engine: DiffusersEngine, tmp_path: Path) -> None:
    learned = inversion(tmp_path / "z.pt", {"*": Trap(tmp_path / "ran")})
    with pytest.raises(WeightsUnavailable) as caught:
        drawn(engine, prompt="a zebra", inversions=learned)
    assert not (tmp_path / "ran").exists()
    assert "z.pt" in caught.value.explain("zh-CN")
    (tmp_path / "bad.safetensors").write_bytes(b"none")
    with pytest.raises(WeightsUnavailable):
        drawn(engine, prompt="a zebra", inversions=(Inversion("zebra", tmp_path / "bad.safetensors"),))


def test_tokens_are_counted_as_the_encoder_gets_them(folder: Path, tmp_path: Path) -> None:
    count = token_counter(folder)
    assert count is not None
    assert count((("", 1.0),)) == TokenCount(0, 75)
    assert count((("a cat", 1.0),)) == TokenCount(4, 75)
    assert count((("a" + " b" * 75, 1.0),)) == TokenCount(76, 150)
    assert count((("a cat", 1.2), ("BREAK", -1.0), ("b", 1.0))) == TokenCount(76, 150)
    tokenizer = DiffusersLoader()(SPEC, folder, "cpu")._pipe.tokenizer  # type: ignore[union-attr]
    for text in ("the cat's hat", "Ä ß 12,  (x)"):
        assert count(((text, 1.0),)).used == len(tokenizer(text).input_ids) - 2
    assert token_counter(None) is None
    assert token_counter(tmp_path) is None
