"""Pictures in reports: what they may hold, and that they stand in a page as nothing but images."""

from __future__ import annotations

import base64
import re

import pytest

from agentdeck.core.errors import EnvironmentFault
from agentdeck.plans.reporting.markdown import markdown
from agentdeck.plans.reporting.page import page
from agentdeck.plans.reporting.pictures import data_url, drawn
from agentdeck.plans.reporting.report import report_of
from agentdeck.plans.reporting.told import told_by
from agentdeck.testing.simulation import seeded

SVG = """<svg class="t" viewBox="0 0 9 9" xmlns="http://www.w3.org/2000/svg">
<!-- made by somebody -->
<style>
@font-face { font-family: "F"; src: local("F"), url("https://fonts.example/f.woff2"); }
.r1 { fill: #fff }
</style>
<defs><clipPath id="c"><rect x="0" y="0" width="9" height="9"/></clipPath></defs>
<g clip-path="url(#c)"><text class="r1">a &lt;script&gt; on&#160;load=1</text></g>
</svg>"""


def test_a_picture_loads_nothing() -> None:
    svg = drawn("main", SVG).svg
    assert "font-face" not in svg
    assert "https://" not in svg
    assert "made by" not in svg
    assert 'clip-path="url(#c)"' in svg
    assert "&lt;script&gt;" in svg


@pytest.mark.parametrize(
    "more",
    [
        "<script>alert(1)</script>",
        '<image href="https://evil.example/x.png"/>',
        '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>',
        '<rect onload="alert(1)"/>',
        '<rect fill="url(https://evil.example/x)"/>',
        "<style>@import 'https://evil.example/x.css';</style>",
        '<a xlink:href="javascript:alert(1)"><text>x</text></a>',
        "<use href='#x'/>",
        '<?xml-stylesheet href="https://evil.example/x.css"?>',
        "<!DOCTYPE svg>",
    ],
)
def test_what_is_more_than_a_drawing_is_refused(more: str) -> None:
    with pytest.raises(EnvironmentFault, match="more than a drawing"):
        drawn("main", SVG.replace("</svg>", f"{more}</svg>"))


def test_a_page_has_its_pictures_as_images_and_nothing_else_is_allowed() -> None:
    simulation = seeded(3)
    simulation.run()
    report = report_of(told_by(simulation.history))
    picture = drawn("main", SVG)
    with_it, without = page(report, [picture]), page(report)
    assert without == page(report, [])
    assert "<img" not in without
    assert "img-src" not in without
    [image] = re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)"', with_it)
    assert base64.b64decode(image).decode() == picture.svg
    assert "default-src &#x27;none&#x27;" in with_it
    assert "; img-src data:" in with_it
    assert "<svg" not in with_it
    assert data_url(picture).startswith("data:image/svg+xml;base64,")
    shown = markdown(report, {picture.title: "my report-[x](y).svg"})
    assert "](my%20report-%5Bx%5D%28y%29.svg)\n" in shown
