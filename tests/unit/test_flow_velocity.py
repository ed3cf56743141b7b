"""Velocities on faces, at voxel centres, and what they carry out of the box."""

from dataclasses import dataclass

import numpy as np
import pytest

from tumorsim.boundaries import Boundaries
from tumorsim.device.select import select_device
from tumorsim.flow.medium import make_medium
from tumorsim.flow.velocity import box_outflow, cell_velocity, face_velocity, velocity_divergence
from tumorsim.grid import Grid

DEVICE, _ = select_device("auto")
GRID = Grid((4, 5, 6), (1.0, 2.0, 4.0))


@dataclass(frozen=True)
class Given:
    velocity: tuple[np.ndarray, np.ndarray, np.ndarray]


def linear_faces(gradient):
    """u_axis = gradient·(coordinate of the face), on the faces normal to each axis."""
    faces = []
    for axis, n in enumerate(GRID.shape):
        position = GRID.spacing[axis] * np.arange(n + 1)
        shape = [n + 1 if a == axis else 1 for a in range(3)]
        faces.append(
            DEVICE.upload(np.broadcast_to(gradient[axis] * position.reshape(shape), GRID.face_shape(axis)))
        )
    z, y, x = faces
    return z, y, x


def test_the_divergence_of_a_linear_velocity_is_the_sum_of_its_gradients():
    divergence = DEVICE.download(velocity_divergence(DEVICE, GRID, linear_faces((1.0, 0.5, -0.25))))
    assert divergence == pytest.approx(np.full(GRID.shape, 1.25))


def test_what_leaves_the_box_is_the_integral_of_the_divergence():
    net, gross = box_outflow(DEVICE, GRID, linear_faces((1.0, 0.5, -0.25)))
    assert net == pytest.approx(1.25 * GRID.volume)
    assert gross == pytest.approx(1.75 * GRID.volume)


def test_cell_velocities_are_means_of_faces_in_x_y_z_order():
    velocity = cell_velocity(DEVICE, Given(linear_faces((1.0, 0.5, -0.25))))
    assert velocity.shape == (4, 5, 6, 3)
    z, y, x = GRID.centers
    for component, expected in enumerate((-0.25 * x, 0.5 * y, 1.0 * z)):
        assert velocity[..., component] == pytest.approx(np.broadcast_to(expected, GRID.shape))


def test_a_uniform_gradient_drives_a_uniform_velocity():
    """u = −K ∇p, with the faces of the box half a voxel from the centres."""
    boundaries = Boundaries(x_low=24.0, x_high=0.0)
    conductivity, nothing = DEVICE.upload(np.full(GRID.shape, 3.0)), DEVICE.zeros(GRID.shape, np.float64)
    medium = make_medium(DEVICE, GRID, conductivity, nothing, boundaries, dtype=np.float64)
    pressure = DEVICE.upload(np.broadcast_to(24.0 - GRID.centers[2], GRID.shape))
    z, y, x = face_velocity(DEVICE, medium, pressure, boundaries, dtype=np.float64)
    assert DEVICE.download(x) == pytest.approx(np.full(GRID.face_shape(2), 3.0))
    assert not DEVICE.download(y).any()
    assert not DEVICE.download(z).any()
