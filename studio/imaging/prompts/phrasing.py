"""From what was typed to what is drawn: styles, chance, LoRAs, learned words and weights."""

from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from studio.engines.diffusion import PICKLES, Adapter, Inversion, Words
from studio.errors import InvalidRequest
from studio.imaging.adapters.files import FOLDERS, SUFFIXES, named_files
from studio.imaging.prompts.attention import Lora, extract_loras, parse_attention
from studio.imaging.prompts.styles import Styles
from studio.imaging.prompts.wildcards import LONGEST, Wildcards
from studio.messages import assets


@dataclass(frozen=True)
class Phrase:
    """A request's prompts, ready to be drawn."""

    prompt: str
    """With styles, and with everything chosen that was left to chance: what the infotext keeps."""
    negative_prompt: str
    words: Words
    negative_words: Words
    adapters: tuple[Adapter, ...] = ()
    inversions: tuple[Inversion, ...] = ()


class Phrasing:
    """What a studio knows beside the prompt: its styles, and the files its host keeps in the folder `data`.

    `data` holds `styles.yaml` and the folders `wildcards`, `loras` and `embeddings`; none of them has to be there.
    """

    def __init__(self, data: Path, shipped: Path | None = None) -> None:
        """`shipped` holds folders of the same names with what comes with the studio; the host's own go first."""
        self.styles = Styles(assets() / "styles.yaml", data / "styles.yaml")
        self.wildcards = Wildcards(data / "wildcards")
        self._loras = [root / FOLDERS["lora"] for root in (shipped, data) if root is not None]
        self._embeddings = data / FOLDERS["inversion"]

    def phrase(self, prompt: str, negative_prompt: str, styles: Sequence[str], seed: int) -> Phrase:
        """What these prompts say in these styles; the same seed always says the same.

        Raises:
            InvalidRequest: a style, wildcard or LoRA that is named is not here, or the prompt grows too long.
        """
        styled = self.styles.apply(prompt, negative_prompt, styles)
        prompt, negative_prompt = (self._resolved(text, number, seed) for number, text in enumerate(styled))
        bare, loras = extract_loras(prompt)
        others, unwanted = extract_loras(negative_prompt)
        return Phrase(
            prompt,
            negative_prompt,
            tuple(parse_attention(bare)),
            tuple(parse_attention(others)),
            self._adapters((*loras, *unwanted)),
            self._inversions(f"{bare}\n{others}"),
        )

    def words(self, prompt: str, styles: Sequence[str] = ()) -> Words:
        """What is said of a prompt that is still being written, with chance left open.

        Raises:
            InvalidRequest: there is no such style, or a LoRA's weight is no number.
        """
        styled, _ = self.styles.apply(prompt, "", styles)
        return tuple(parse_attention(extract_loras(styled)[0]))

    def _resolved(self, text: str, number: int, seed: int) -> str:
        # Another beginning for each of the two prompts, or they would always make the same choices.
        resolved = self.wildcards.resolve(text, seed + number * 2**32).strip()
        if len(resolved) > LONGEST:
            field = "negative_prompt" if number else "prompt"
            raise InvalidRequest("invalid.too_long", field=field, length=len(resolved), most=LONGEST)
        return resolved

    def _adapters(self, loras: Sequence[Lora]) -> tuple[Adapter, ...]:
        files = self._files(SUFFIXES["lora"]) if loras else {}
        for name, _ in loras:
            if name not in files:
                if pickled := self._files(PICKLES).get(name):
                    raise InvalidRequest("adapter.pickle", file=pickled.name)
                near = get_close_matches(name, files, 3) or sorted(files)[:10]
                code = "prompt.lora" if near else "prompt.lora_none"
                raise InvalidRequest(code, name=name, near=", ".join(near))
        return tuple(Adapter(files[name], weight) for name, weight in loras)

    def _files(self, suffixes: Sequence[str]) -> dict[str, Path]:
        return dict(ChainMap(*(named_files(folder, suffixes) for folder in reversed(self._loras))))

    def _inversions(self, text: str) -> tuple[Inversion, ...]:
        said = text.casefold()
        files = named_files(self._embeddings, SUFFIXES["inversion"])
        words = {name: file for name, file in files.items() if name == file.stem}
        return tuple(Inversion(name, file) for name, file in words.items() if name.casefold() in said)
