"""Parts of blocks: tissue that exchanges fluid well is one pressure, and all the conductance is accounted for."""

import numpy as np
import pytest

from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.flow import parts as module
from tumorsim.flow.medium import make_medium
from tumorsim.flow.parts import Edges, next_parts, strong_parts, voxel_parts
from tumorsim.grid import Grid
from tumorsim.operators.pressure_operator import net_outflow

DEVICE, _ = select_device("numpy")
OPEN = Boundaries(z_low=0.0, y_high=0.0)


def medium_of(conductivity, *, absorption=0.0, spacing=(1.0, 1.0, 1.0), boundaries=OPEN):
    shape = conductivity.shape
    given = [
        DEVICE.upload(np.broadcast_to(values, shape), np.float64) for values in (conductivity, absorption)
    ]
    return make_medium(DEVICE, Grid(shape, spacing), *given, boundaries, dtype=np.float64)


def parts_of(conductivity, **rest):
    part, network = voxel_parts(DEVICE, medium_of(conductivity, **rest))
    return part.reshape(conductivity.shape), network


def random_tissue(shape):
    return 10.0 ** np.random.default_rng(list(shape)).uniform(-4, 0, shape)


def test_a_block_of_uniform_tissue_is_one_part():
    part, network = parts_of(np.ones((4, 6, 7)))
    z, y, x = (np.arange(n) // 2 for n in part.shape)
    block = (z[:, None, None] * 3 + y[:, None]) * 4 + x
    assert len(network.ground) == block.max() + 1
    assert np.array_equal(network.place[part], block)


def test_two_channels_in_a_block_stay_two_parts():
    """Good conductors that touch along an edge only meet through poor ones; those join what they depend on."""
    tissue = np.ones((2, 2, 2))
    tissue[:, 0, 0] = tissue[:, 1, 1] = 1e4
    part, network = parts_of(tissue)
    assert len(network.ground) >= 2
    assert part[0, 0, 0] == part[1, 0, 0] != part[0, 1, 1] == part[1, 1, 1]


def test_a_poor_voxel_between_good_ones_joins_one_of_them():
    """It sends all it has into one better part, so it needs no pressure of its own."""
    tissue = np.full((2, 2, 2), 1e4)
    tissue[0, 0, 0] = 1.0
    part, _ = parts_of(tissue)
    assert not part.any()


def test_flat_voxels_are_joined_in_their_plane_only():
    part, network = parts_of(np.ones((4, 4, 4)), spacing=(8.0, 1.0, 1.0))
    assert len(network.ground) == 16
    assert (part[0] != part[1]).all()


@pytest.mark.parametrize("shape", [(6, 5, 7), (1, 9, 4), (2, 1, 1)], ids=str)
def test_a_network_takes_what_the_medium_takes_from_a_pressure_constant_over_parts(shape, monkeypatch):
    """Galerkin, but for the halved couplings of different blocks: with the distances ignored it is exact."""
    monkeypatch.setattr(module, "DISTANCE", 1.0)
    medium = medium_of(random_tissue(shape), absorption=0.3)
    part, network = voxel_parts(DEVICE, medium)
    for _ in range(2):
        p = np.random.default_rng(1).standard_normal(len(network.ground))
        voxels = p[part].reshape(shape)
        image = net_outflow(
            voxels, medium.conductance, medium.absorption, slice(0, shape[0]), spacing=medium.spacing
        )
        diagonal = network.ground + network.couplings.sum(axis=1)
        expected = np.bincount(part, image.ravel())
        assert diagonal * p - network.couplings @ p == pytest.approx(expected, rel=1e-9, abs=1e-9)
        coarser, network = next_parts(network)
        part = coarser[part]


def test_slabs_leave_no_trace(monkeypatch):
    tissue = random_tissue((9, 6, 5))
    whole, network = parts_of(tissue)
    monkeypatch.setattr(module, "SLAB", 60)
    cut, same = parts_of(tissue)
    assert np.array_equal(whole, cut)
    assert np.array_equal(network.place, same.place)
    assert abs(network.couplings - same.couplings).max() < 1e-15
    assert network.ground == pytest.approx(same.ground)


@pytest.mark.parametrize("shape", [(12, 12, 12), (1, 1, 900), (3, 40, 7)], ids=str)
def test_networks_shrink_to_nothing(shape):
    _, network = parts_of(random_tissue(shape))
    sizes = [len(network.ground)]
    while sizes[-1] > 1:
        _, network = next_parts(network)
        sizes.append(len(network.ground))
    assert len(sizes) < 16
    assert network.shape == (1, 1, 1)


def test_a_chain_of_dependence_ends_in_one_part():
    """Each node sends more than half of its outflow to the next better one, and none is strongly joined to it."""
    edges = Edges(np.array([0, 1]), np.array([1, 2]), np.array([1.0, 10.0]))
    part, number = strong_parts(edges, np.array([1.0, 10.0, 100.0]), np.array([1.0, 11.0, 110.0]))
    assert number == 1
    assert not part.any()
