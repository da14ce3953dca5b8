"""What the repository promises about itself."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

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


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    environment = {**default_environment(), **SPACE}
    wanted = [r for r in requirements if r.marker is None or r.marker.evaluate(environment)]
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in wanted}


def front_matter() -> dict[str, object]:
    _, header, _ = (ROOT / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(header)


def test_requirements_for_spaces_pin_every_dependency_within_its_range() -> None:
    pinned = pins()
    for line in project()["project"]["dependencies"]:
        requirement = Requirement(line)
        version = pinned.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is missing: run .ci/requirements"
        assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}: run .ci/requirements"


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
