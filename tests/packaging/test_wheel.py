"""The kernels and the example configs travel: in a wheel, in a wheel built from the sdist, in an editable install."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import tumorsim
from tumorsim.resources import kernels_directory

ROOT = Path(__file__).parents[2]
KERNELS = sorted(path.name for path in (ROOT / "kernels").glob("*.cu"))
CONFIGS = sorted(path.name for path in (ROOT / "configs").glob("*.toml"))


def build(source: Path, kind: str, out: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        f"--{kind}",
        "--outdir",
        str(out),
        str(source),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module", params=["checkout", "sdist"])
def wheel(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    source = ROOT
    if request.param == "sdist":
        archive = build(ROOT, "sdist", folder)
        subprocess.run(["tar", "-xzf", str(archive), "-C", str(folder)], check=True)
        (source,) = (path for path in folder.iterdir() if path.is_dir())
    return build(source, "wheel", folder / "wheel")


def test_wheel_holds_every_kernel_and_config(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for kernel in KERNELS:
        assert f"tumorsim/kernels/{kernel}" in names
    for header in (ROOT / "kernels" / "include").iterdir():
        assert f"tumorsim/kernels/include/{header.name}" in names
    for config in CONFIGS:
        assert f"tumorsim/configs/{config}" in names
    assert any(name.startswith("tumorsim/agents/data/") for name in names)
    assert "tumorsim/report/style.css" in names


def test_unpacked_wheel_finds_its_own_kernels(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "from tumorsim.resources import kernels_directory as k; print(k(), len(list(k().glob('*.cu'))))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(tmp_path / "tumorsim" / "kernels"), str(len(KERNELS))]


def test_checkout_finds_its_kernels():
    assert KERNELS
    assert sorted(path.name for path in kernels_directory().glob("*.cu")) == KERNELS
    assert not (Path(tumorsim.__file__).parent / "kernels").exists(), "would shadow the checkout's kernels"
