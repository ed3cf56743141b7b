"""Whole runs on the cuda device, over the stand-in for CuPy, end as those on the native one.

So all that hands arrays, scalars and launches to CuPy is run, at the latest moment that CUDA allows.
"""

import threading

import cupy_stand_in
import h5py
import numpy as np
import pytest

import tumorsim
from tumorsim.boundaries import Boundaries
from tumorsim.device.cuda import CudaDevice
from tumorsim.device.native import NativeDevice, find_compiler
from tumorsim.errors import DeviceError
from tumorsim.flow.medium import make_medium
from tumorsim.flow.pressure import solve_pressure
from tumorsim.grid import Grid
from tumorsim.resources import configs_directory
from tumorsim.simulation import simulate
from tumorsim.verify.cases import CASES

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler")

SHORT = ["run.duration=20 min", "output.every=10 min", "run.max_step=10 min"]
QUICK = ["domain.spacing=1 mm", *SHORT]
MACROPHAGES = ['tissue.regions.tumour.macrophage_density="1e14 1/m^3"', 'macrophages.clearance="3 pL/h"']
RUNS = {
    "advection and binding": ("quickstart", QUICK),
    "exposure and peak": ("quickstart", [*QUICK, 'output.fields=["free", "free_exposure", "free_peak"]']),
    "in float64": ("quickstart", [*QUICK, "run.precision=float64"]),
    "coefficients of 16 bits": ("quickstart", [*QUICK, "run.coefficients=float16"]),
    "steps as long as their error allows": ("quickstart", [*QUICK, "run.step_error=1e-2"]),
    "steady": (
        "quickstart",
        ["domain.spacing=1 mm", "run.mode=steady", 'dosing.plasma_concentration="1 mg/L"', *MACROPHAGES],
    ),
    "a closed body": (
        "quickstart",
        [*QUICK, "dosing.body=mouse", "dosing.dose=0.1 mg", "dosing.closed_body=true"],
    ),
    "macrophages and a drug": ("quickstart", [*QUICK, *MACROPHAGES, "drug.name=doxorubicin"]),
    "release by heat in a prescribed place": (
        "thermodox_capillary",
        ['domain.size=["60 um", "60 um", "10 um"]', "domain.spacing=10 um", *SHORT],
    ),
    "release by heat where power is deposited": ("thermodox_focus", ["domain.spacing=2 mm", *SHORT]),
    "binding in a spheroid": ("binding_site_barrier", ["domain.spacing=60 um", *SHORT]),
    "plasma carried by a network": ("tracer_washout", ["domain.spacing=40 um", *SHORT]),
    "a network that leaks": ("tumour_network", ["domain.spacing=30 um", *SHORT]),
    "blood and tissue that set each other's pressure": (
        "generated_tumour",
        [
            'domain.size=["0.6 mm", "0.6 mm", "0.6 mm"]',
            "domain.spacing=75 um",
            "vessels.generated.feeders=2",
            *SHORT,
        ],
    ),
    "an infusion": (
        "intratumoural_infusion",
        ["domain.spacing=1 mm", "dosing.injection.volume=0.8 uL", *SHORT],
    ),
}


@pytest.fixture
def run(tmp_path, gpu, fork):
    """Run a config on a device, with a fork of three vessels for its network; also the stand-in is at hand."""

    def run(name, overrides, *, device, **options):
        path = configs_directory() / f"{name}.toml"
        if 'model = "network"' in path.read_text():
            overrides = [*overrides, f"vessels.file={fork}"]
        case = tumorsim.load(path, overrides=overrides)
        return simulate(case, out=tmp_path / f"{device.replace(':', '')}.vtkhdf", device=device, **options)

    return run


def assert_alike(native, cuda, *, rounding):
    """Every field at every output, to a part of its largest value."""
    for field in native.fields:
        for step in range(len(native.times)):
            there, here = (results.field(field, step=step).astype(float) for results in (native, cuda))
            assert np.abs(here - there).max() <= rounding * np.abs(there).max(), f"{field} at {step}"


@pytest.mark.parametrize("name", RUNS)
def test_a_run_on_cuda_ends_as_a_native_one(name, run):
    native, cuda = (run(*RUNS[name], device=device) for device in ("native", "cuda"))
    assert "Stand-in" in cuda.provenance["device"]
    assert_alike(native, cuda, rounding=1e-6)  # a fused product is rounded once, in steps of 6e-8


def test_outputs_are_those_of_their_moment_however_late_they_are_written(run, monkeypatch):
    """The thread that writes begins when it is waited for: the steps after the output have all been launched then."""
    native = run("quickstart", QUICK, device="native")
    monkeypatch.setattr("tumorsim.simulation.Beside", Late)
    assert_alike(native, run("quickstart", QUICK, device="cuda"), rounding=1e-6)


class Late:
    """As `Beside`, but the work is begun in the last moment."""

    def __enter__(self):
        self.work = None
        return self

    def __exit__(self, *_):
        self.wait()

    def start(self, work):
        self.wait()
        self.work = work

    def wait(self):
        if self.work is not None:
            thread = threading.Thread(target=self.work)
            thread.start()
            thread.join()
        self.work = None


def test_a_run_keeps_to_its_gpu(run):
    """Also where blood and tissue, or heat, are solved by a device that they choose for themselves."""
    for name in (
        "blood and tissue that set each other's pressure",
        "release by heat where power is deposited",
    ):
        run(*RUNS[name], device="cuda:1")
        assert {launch[0] for launch in cupy_stand_in.launched} == {1}


def test_a_run_resumes_bit_for_bit(run, monkeypatch, tmp_path):
    """With carriers, drug, binding and blood that carries: all that a checkpoint holds."""
    config, overrides = RUNS["plasma carried by a network"]
    overrides = [*overrides, "run.checkpoint_every=0.0001 s"]
    whole = fields(run(config, overrides, device="cuda"))
    heard = []

    def stop(progress):
        heard.append(progress)
        if progress.time >= 600:
            raise KeyboardInterrupt

    monkeypatch.setattr("tumorsim.simulation.PROGRESS_EVERY", 0.0)
    with pytest.raises(KeyboardInterrupt):
        run(config, overrides, device="cuda", progress=stop)
    assert heard[-1].time < heard[-1].duration
    again = fields(run(config, overrides, device="cuda", resume=True))
    for name, values in whole.items():
        np.testing.assert_array_equal(again[name], values, err_msg=name)


def fields(results):
    with h5py.File(results.path) as file:
        return {name: values[...] for name, values in file["VTKHDF/CellData"].items()}


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_rough_tissue_has_the_pressure_of_the_native_device(stage, gpu):
    """By every preconditioner: what it takes on a GPU is launched and summed up there."""
    grid, boundaries = Grid((10, 9, 8), (1e-4,) * 3), Boundaries.uniform(0.0)
    conductivity = 1e-14 * np.exp(np.random.default_rng(3).normal(0, 2, grid.shape))
    found = []
    for device in (gpu, NativeDevice()):
        absorption, source = device.zeros(grid.shape, float), device.upload(np.ones(grid.shape))
        uploaded = device.upload(conductivity)
        medium = make_medium(device, grid, uploaded, absorption, boundaries, dtype=np.float64)
        p, _ = solve_pressure(device, grid, medium, source, boundaries=boundaries, stage=stage)
        found.append(device.download(p))
    assert np.abs(found[0] - found[1]).max() <= 1e-6 * found[1].max()  # the residual is within 1e-8


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_verification_case_errs_as_on_the_native_device(case, gpu):
    """On few voxels and in few steps; too few for one of them, which then has no error on either."""
    resolution = max(8, min(case.quick) // 4)
    here, there = (case.run(device, resolution) for device in (gpu, NativeDevice()))
    assert here == pytest.approx(there, rel=1e-3, abs=1e-9, nan_ok=True)


@pytest.fixture
def on_the_way(gpu):
    """Values that leave the GPU, which sets them after."""
    array = gpu.upload(np.ones((2, 3)))
    leaving = gpu.snapshot(array)
    array += 1
    return array, leaving


def test_a_snapshot_is_there_once_it_is_asked_for(gpu, on_the_way):
    _, leaving = on_the_way
    assert np.isnan(leaving.values).all()
    assert (gpu.download(leaving) == 1).all()


def test_a_snapshot_that_nobody_asks_for_spoils_nothing(gpu):
    values = gpu.upload(np.full((2, 3), 7.0))
    gpu.snapshot(values)
    assert (gpu.download(gpu.upload(np.ones((2, 3)))) == 1).all()


def test_cuda_without_a_number_is_the_gpu_in_use(gpu):
    CudaDevice(1)
    assert CudaDevice().zeros(3, float).device.id == 1
    assert CudaDevice(0).zeros(3, float).device.id == 0
    with pytest.raises(DeviceError, match="no CUDA device 7"):
        CudaDevice(7)
