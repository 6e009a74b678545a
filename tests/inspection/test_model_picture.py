"""The picture of the model is of this model, and whole."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from skautoseqrec._scoring.parts import PARTS

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "model.svg"


@pytest.fixture(scope="module")
def picture():
    return ElementTree.parse(PICTURE).getroot()


def test_every_part_of_the_score_is_in_the_picture(picture):
    words = " ".join("".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text"))
    for part in PARTS:
        assert part.NAME.replace("_", " ") in words, part.NAME


def test_nothing_is_drawn_beyond_its_edge(picture):
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    for rectangle in picture.iter("{http://www.w3.org/2000/svg}rect"):
        x, y, w, h = (float(rectangle.attrib[name]) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
    for text in picture.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 < float(text.attrib["x"]) < width
        assert 0 < float(text.attrib["y"]) < height
