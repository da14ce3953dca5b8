"""What the repository promises about itself."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
SPACE = {
    "python_version": "3.12",
    "python_full_version": "3.12.0",
    "sys_platform": "linux",
    "platform_machine": "x86_64",
}
KINDS = ("annotators", "classifiers", "diffusion", "text", "upscalers")
PUBLIC = ["studio.registry", *(f"studio.engines.{kind}" for kind in KINDS)]
WITH_TORCH = re.compile(r"torch|torchvision|triton|setuptools|nvidia-.*|cuda-.*")
"""What a Space has in other versions, because ZeroGPU runs an older torch."""


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def exact(lines: Iterable[str], **environment: str) -> dict[str, str]:
    """The one version of each name that is meant in an environment, this one by default."""
    chosen: dict[str, str] = {}
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate({**default_environment(), **environment}):
            name = canonicalize_name(requirement.name)
            assert name not in chosen, f"{name} is pinned twice"
            assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), f"{requirement} is not exact"
            chosen[name] = str(requirement.specifier).removeprefix("==")
    return chosen


def pins() -> dict[str, str]:
    """What requirements.txt installs on a Space."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return exact((line for line in lines if line and not line.startswith("#")), **SPACE)


def ranges() -> list[Requirement]:
    """All that the project asks for itself: for its users, for its extras, for its developers, for its build."""
    told = project()
    groups = chain(told["project"]["optional-dependencies"].values(), told["dependency-groups"].values())
    lines = [*told["project"]["dependencies"], *chain.from_iterable(groups), *told["build-system"]["requires"]]
    return [Requirement(line) for line in lines]


def brought(wanted: list[Requirement]) -> dict[str, str]:
    """The installed version of everything that is wanted, and of everything that this wants in turn."""
    installed: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            try:
                installed[name] = version(name)
            except PackageNotFoundError:  # an extra that was not asked for, or another platform's
                continue
            asked = [Requirement(line) for line in requires(name) or []]
            wanted += [r for r in asked if r.marker is None or r.marker.evaluate({"extra": extra})]
    return installed


def front_matter() -> dict[str, object]:
    _, header, _ = (ROOT / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(header)


def test_every_dependency_has_a_bound_above() -> None:
    unbounded = [str(r) for r in ranges() if not any(s.operator in ("<", "==") for s in r.specifier)]
    assert unbounded == []


def test_what_is_installed_is_what_is_pinned() -> None:
    pinned = exact(project()["tool"]["uv"]["constraint-dependencies"])
    installed = brought([r for r in ranges() if r.name != "hatchling"])
    assert {name: pinned.get(name) for name in installed} == installed, "run uv sync, or .ci/pins --keep"
    assert {"torch", "gradio", "pytest", "urllib3"} <= installed.keys()


def test_every_python_and_platform_has_exact_versions_without_an_address() -> None:
    lines = project()["tool"]["uv"]["constraint-dependencies"]
    for python in ("3.11", "3.12", "3.13"):
        for platform in ("linux", "darwin", "win32"):
            chosen = exact(lines, python_version=python, python_full_version=f"{python}.1", sys_platform=platform)
            for requirement in ranges():
                if requirement.marker is None and requirement.name != "hatchling":
                    pin = chosen[canonicalize_name(requirement.name)]
                    assert requirement.specifier.contains(pin), f"{requirement} is pinned to {pin}: run .ci/pins"
    assert exact(project()["tool"]["uv"]["build-constraint-dependencies"])["hatchling"]
    assert not [line for line in lines if "://" in line or "@" in line]


def test_a_space_installs_the_same_versions_but_for_torch() -> None:
    ours = exact(project()["tool"]["uv"]["constraint-dependencies"], **SPACE)
    other = {name for name, theirs in pins().items() if ours.get(name) != theirs}
    assert [name for name in other if not WITH_TORCH.fullmatch(name)] == []


def test_requirements_for_spaces_pin_every_dependency_within_its_range() -> None:
    pinned = pins()
    for line in project()["project"]["dependencies"]:
        requirement = Requirement(line)
        pin = pinned.get(canonicalize_name(requirement.name))
        assert pin, f"{requirement.name} is missing: run .ci/pins"
        assert requirement.specifier.contains(pin), f"{requirement} is pinned to {pin}: run .ci/pins"


def test_requirements_for_spaces_name_no_address_and_a_torch_that_zerogpu_runs() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert "index" not in text
    major, minor = pins()["torch"].split(".")[:2]
    assert (2, 8) <= (int(major), int(minor)) <= (2, 11)


def test_the_space_runs_the_gradio_and_python_that_are_pinned() -> None:
    matter = front_matter()
    assert matter["sdk"] == "gradio"
    assert matter["sdk_version"] == pins()["gradio"]
    assert matter["python_version"] == "3.12"
    assert (ROOT / str(matter["app_file"])).is_file()


def test_no_lock_file_or_download_address_is_tracked() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in tracked if name.endswith((".lock", "package-lock.json"))]


def test_files_in_the_house_are_one_idea_each() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in (ROOT / "studio").rglob("*.py")
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}


def test_a_folder_of_the_house_is_one_subject() -> None:
    crowded = {
        str(folder.relative_to(ROOT)): len(files)
        for folder in (ROOT / "studio").rglob("*/")
        if len(files := [file for file in folder.iterdir() if file.suffix == ".py"]) > 14
    }
    assert crowded == {}


@pytest.mark.parametrize("package", PUBLIC)
def test_a_package_lists_what_others_may_use(package: str) -> None:
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)
    used = {
        name.name
        for file in (ROOT / "studio").rglob("*.py")
        if not str(file.relative_to(ROOT)).startswith(package.replace(".", "/"))
        for statement in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(statement, ast.ImportFrom) and statement.module == package
        for name in statement.names
    }
    assert used <= set(module.__all__)


def test_the_readme_shows_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "pip install uv && uv run app.py" in readme
    assert "pip install uv && uv run pytest" in readme


def test_links_between_documents_lead_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_importing_the_studio_imports_no_heavy_library_and_no_gradio() -> None:
    heavy = "torch", "diffusers", "transformers", "spandrel", "xllamacpp", "controlnet_aux", "gradio", "cv2"
    code = f"import sys, studio.studio, studio.cli; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
