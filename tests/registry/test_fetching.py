from pathlib import Path

import pytest

from studio.errors import WeightsUnavailable
from studio.registry import Catalogue, ModelId, ModelSpec, Source
from studio.settings import Settings
from studio.studio import Studio


def spec(name: str, path: Path) -> ModelSpec:
    source = Source(path=str(path))
    return ModelSpec(id=ModelId(name), name=name, task="image", engine="diffusers", licence="none", sources=(source,))


@pytest.mark.parametrize(("fetch", "refused"), [("ask", ()), ("listed", ("large",)), ("off", ("large", "house"))])
def test_what_visitors_can_have_fetched(tmp_path: Path, fetch: str, refused: tuple[str, ...]) -> None:
    (tmp_path / "c").touch()
    specs = [spec(name, tmp_path / file) for name, file in (("large", "a"), ("house", "b"), ("here", "c"))]
    settings = Settings(
        cache=tmp_path / "cache",
        outputs=tmp_path / "outputs",
        data=tmp_path / "data",
        fetch=fetch,  # type: ignore[arg-type]
        default_models={"image": "house"},
    )
    with Studio(settings, catalogue=Catalogue(specs)) as studio:
        for name in ("large", "house", "here"):
            if name in refused:
                with pytest.raises(WeightsUnavailable) as caught:
                    studio.registry.lease(name)
                assert f"--fetch {name}" in caught.value.explain("en")
            else:
                studio.registry.lease(name)
