"""A report is one file that needs no other, reads without pictures, and looks right in a browser."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

import tumorsim
from tumorsim.cli import app
from tumorsim.errors import RenderError, StorageError
from tumorsim.render import scene as scene_module
from tumorsim.report import write_report
from tumorsim.report.page import number, paragraph

CONFIG = Path(__file__).parents[2] / "configs" / "quickstart.toml"
COARSE = ("domain.spacing=500 um", "run.duration=2 h", "output.every=1 h", 'title=A < B & "C"')
BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)


class Page(HTMLParser):
    """The elements of a page, its open tags and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "coarse.vtkhdf"
    return tumorsim.simulate(tumorsim.load(CONFIG, overrides=COARSE), out=out)


@pytest.fixture(scope="module")
def written(results):
    out = results.path.with_name("report.html")
    command = ["report", str(results.path), "--out", str(out), "--nuclide", "Lu-177", "--activity", "7.4 GBq"]
    done = CliRunner().invoke(app, [*command, "--threshold", "0.001 %/g"])
    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(out)
    return out


@pytest.fixture(scope="module")
def page(written):
    return Page(written.read_text(encoding="utf-8"))


def test_every_tag_is_closed_and_every_name_is_unique(page):
    assert page.open == []
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    assert {link["href"][1:] for link in page.all("a")} <= set(names)


def test_nothing_comes_from_elsewhere(page, written):
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    assert not page.all("script") and not page.all("link")
    without_data = re.sub(r'src="data:[^"]*"', "", written.read_text(encoding="utf-8"))
    assert "http://" not in without_data and "https://" not in without_data and "url(" not in without_data
    assert written.stat().st_size < 3e6


def test_pictures_have_words_and_a_size(page):
    images = page.all("img")
    assert len(images) >= 6 + 2 + 2  # scenes, curves and histograms, dose
    assert all(image["alt"] and int(image["width"]) > 100 and int(image["height"]) > 100 for image in images)
    assert len(page.all("figcaption")) == len(images)


def test_tables_can_be_read_aloud(page):
    tables = page.all("table")
    assert len(page.all("caption")) == len(tables) > 5
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))
    assert page.all("html") == [{"lang": "en"}] and len(page.all("main")) == len(page.all("h1")) == 1


def test_what_was_run_is_told(page, results):
    text = "".join(page.text)
    for told in (
        'A < B & "C"',
        "Doxil",
        "dose 90 mg",
        "%ID/g",
        "--set domain.spacing=500 um",
        "Absorbed dose",
    ):
        assert told in text
    assert results.provenance["device"] in text and "imbalance" in text


def test_the_numbers_are_those_of_the_readouts(page, results):
    share = 100 * results.ledger["plasma"][-1] / results.ledger["injected"][-1]
    assert f"{share:.4g}" in page.text


def test_text_is_escaped_and_numbers_are_short():
    assert paragraph("<b> & so on") == "<p>&lt;b&gt; &amp; so on</p>"
    assert [number(x) for x in (0.0, -1.23456, 1.5e-9)] == ["0", "−1.235", "1.5e−09"]


def test_where_nothing_can_be_drawn_the_rest_is_written(results, tmp_path, monkeypatch):
    def broken():
        raise RenderError("no EGL here")

    monkeypatch.setattr(scene_module, "probe_renderer", broken)
    text = write_report(results, tmp_path / "a.html").read_text(encoding="utf-8")
    assert "no EGL here" in text and "Three orthogonal slices" in text


def test_a_report_that_cannot_be_written_is_a_storage_error(results, tmp_path, monkeypatch):
    monkeypatch.setattr("tumorsim.report.write._SCENES", ())
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write the report"):
        write_report(results, tmp_path / "file" / "a.html")


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_shows_it(written, tmp_path):
    """Text is dark on white and the pictures are loaded: colours that only they have are on the screen."""
    shot = tmp_path / "shot.png"
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,2000"]
    subprocess.run(
        [*command, f"--user-data-dir={tmp_path}", f"--screenshot={shot}", written.as_uri()],
        check=True,
        capture_output=True,
        timeout=120,
    )
    pixels = np.round(imread(shot)[..., :3] * 255).astype(int)
    assert (pixels.min(axis=-1) > 250).mean() > 0.3
    red, green, blue = np.moveaxis(pixels, -1, 0)
    assert ((red > 200) & (green > 100) & (blue < 80)).mean() > 0.005  # the warm end of the colour map


def test_an_activity_of_no_nuclide_is_reported_without_a_dose(tmp_path):
    case = tumorsim.load(CONFIG, overrides=[*COARSE, "domain.spacing=1 mm", "dosing.dose=1 MBq"])
    results = tumorsim.simulate(case, out=tmp_path / "active.vtkhdf")
    assert results.amount_unit == "Bq"
    done = CliRunner().invoke(app, ["report", str(results.path), "--out", str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.output
