"""A picture of a file is the picture of what was written to it."""

import pytest

from tumorsim.fields import FIELDS
from tumorsim.render import SCENES, draw_scene
from tumorsim.results import Results
from tumorsim.sinks.fields import ResultFile


@pytest.fixture
def stored(with_vessels, tmp_path):
    made = with_vessels
    config = made.config | {"dosing": {"dose": {"value": made.dose, "unit": made.amount_unit}}}
    with ResultFile.create(
        tmp_path / "sphere.vtkhdf",
        grid=made.grid,
        fields=[FIELDS[name] for name in made.fields],
        amount_unit=made.amount_unit,
        title=made.title,
        config_given="",
        config_resolved=config,
        provenance={},
        region_names=made.region_names,
        network=made.network,
    ) as file:
        for time in made.times:
            file.append(time, {name: made.field(name, time=time) for name in made.fields})
    with Results(tmp_path / "sphere.vtkhdf") as results:
        yield results


@pytest.mark.parametrize("scene", [name for name in SCENES if name not in ("compare", "dose")])
@pytest.mark.parametrize("time", ["1 h", None])
def test_a_file_and_its_contents_give_the_same_picture(stored, with_vessels, scene, time):
    wish = {"scene": scene, "time": time, "size": (200, 200)}
    same = draw_scene(stored, **wish) == draw_scene(with_vessels, **wish)
    assert same.all()
