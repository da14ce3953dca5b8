import pickle
from pathlib import Path

import pytest

from studio import errors
from studio.errors import Cancelled, CatalogueError, OutOfMemory, StudioError, UnknownModel
from studio.registry import Catalogue


def families(kind: type[StudioError]) -> list[type[StudioError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in families(child))]


@pytest.mark.parametrize("kind", [StudioError, OutOfMemory, UnknownModel], ids=lambda kind: kind.__name__)
def test_an_error_keeps_its_code_and_details_between_processes(kind: type[StudioError]) -> None:
    error = kind("memory.model", model="m", need="2 GB", budget="1 GB", device="cuda:0")
    there = pickle.loads(pickle.dumps(error))
    assert type(there) is kind
    assert (there.code, there.details, there.args) == (error.code, error.details, error.args)
    assert there.explain("zh-CN") == error.explain("zh-CN")


def test_errors_that_are_made_otherwise_cross_as_well(tmp_path: Path) -> None:
    cancelled = pickle.loads(pickle.dumps(Cancelled()))
    assert isinstance(cancelled, Cancelled)
    assert cancelled.code == "cancelled"
    file = tmp_path / "models.yaml"
    file.write_text("version: 1\nmodels: [{id: A}]\n", encoding="utf-8")
    with pytest.raises(CatalogueError) as raised:
        Catalogue.read(file)
    assert pickle.loads(pickle.dumps(raised.value)).explain() == raised.value.explain()


def test_an_error_is_titled_by_its_public_kind() -> None:
    assert OutOfMemory("memory.model").title == "OutOfMemory"
    public = {kind.__name__ for kind in families(StudioError) if kind.__module__ == "studio.errors"}
    for kind in families(StudioError):
        error = kind.__new__(kind)
        assert error.title in public
        assert issubclass(kind, getattr(errors, error.title))
