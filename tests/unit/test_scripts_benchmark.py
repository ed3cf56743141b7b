"""The benchmark measures everything in one call, and compares with what it measured before."""

import json

import benchmark
import pytest

from tumorsim.device.select import describe_devices

NATIVE = any(name == "native" and here for name, here, _ in describe_devices())


@pytest.fixture
def briefly(monkeypatch):
    monkeypatch.setattr(benchmark, "BUDGET", 0.0)
    monkeypatch.setattr(benchmark, "STREAM", 2**16)
    monkeypatch.setattr(benchmark, "RUN", ["domain.spacing=500 um", "run.duration=1 h", "output.every=1 h"])


@pytest.mark.skipif(not NATIVE, reason="no C++ compiler")
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")  # of peers
def test_one_call_measures_all_and_compares(briefly, tmp_path, capsys):
    figures = tmp_path / "figures.json"
    benchmark.main(["--device", "native", "--sizes", "12", "--peers", "--json", str(figures)])
    (found,) = json.loads(figures.read_text())
    assert found["bytes_per_second"].keys() == {"copy", "triad"}
    assert all(figure["seconds"] > 0 for figure in found["figures"])
    told = " ".join(figure["name"] for figure in found["figures"])
    for part in (
        "advect",
        "two stages",
        "bind",
        "smoother",
        "pressure",
        "step of a small drug",
        "quickstart",
        "plain C",
    ):
        assert part in told
    capsys.readouterr()
    benchmark.main(["--device", "native", "--sizes", "12", "--compare", str(figures)])
    assert "times as fast as before" in capsys.readouterr().out


@pytest.mark.skipif(not NATIVE, reason="no C++ compiler")
def test_a_gpu_is_measured_too(briefly, gpu, capsys):
    """On a stand-in for one: what the benchmark asks of CuPy is there."""
    benchmark.main(["--device", "cuda", "--sizes", "6"])
    assert "quickstart" in capsys.readouterr().out


def test_a_device_that_is_not_there_is_named(briefly):
    with pytest.raises(SystemExit, match=r"CUDA|CuPy"):
        benchmark.main(["--device", "cuda:99"])


def test_vessel_networks_are_timed_on_their_own(capsys):
    benchmark.main(["--network", "1000"])
    told = capsys.readouterr().out
    for part in (
        "generate",
        "blood flow",
        "phase separation",
        "estimated ends",
        "rasterise",
        "two-way pressure",
    ):
        assert f"1000 segments in 55³: {part}" in told
