"""The script draws every picture that the documents show, from configs that are shipped."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "scripts" / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(page):
    """The pictures of a page, relative to docs."""
    found = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    return {(page.parent / name).relative_to(ROOT / "docs").as_posix() for name in found}


def test_every_picture_of_the_documents_is_drawn_and_there(gallery):
    wanted = set().union(*(shown(page) for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))))
    drawn = {picture.file for picture in gallery.PICTURES}
    assert {
        name for name in wanted if not name.startswith("experiment_")
    } <= drawn  # scripts/experiments.py draws those
    assert all((ROOT / "docs" / name).stat().st_size > 5_000 for name in wanted)


@pytest.mark.slow
def test_the_script_draws_them(gallery, tmp_path, capsys):
    gallery.main(["--coarse", "--out", str(tmp_path)])
    drawn = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert drawn == {picture.file for picture in gallery.PICTURES}
    assert len(capsys.readouterr().out.splitlines()) == len(drawn)
