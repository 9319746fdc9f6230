import re
from pathlib import Path

import jinja2
import numpy as np
import pytest
from markdown_it import MarkdownIt
from markupsafe import Markup
from PIL import Image

from stages.reporting import pages

NASTY = [
    "<script>alert(1)</script>",
    "a|b",
    "*bold* _soft_ `code` [link](http://x.org)",
    "![x](http://x.org/y.png)",
    "&lt; & ~~gone~~ $x$ #1 @me :smile: \\",
    "two\nlines",
    "image_0001.jpg",
]


@pytest.mark.parametrize("text", NASTY)
def test_a_text_comes_out_as_it_went_in(text: str) -> None:
    table = f"| a | b |\n|---|---|\n| {pages.literal(text)} | x |\n"
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(table)
    cells = re.findall(r"<td>(.*?)</td>", html)
    assert [Markup(cell).unescape() for cell in cells] == [" ".join(text.split()), "x"]


def test_plain_names_stay_readable() -> None:
    assert pages.literal("vgg16/pool_5 image_0001.jpg 25,088 (3 x 3)") == (
        "vgg16/pool_5 image_0001.jpg 25,088 (3 x 3)"
    )


def test_templates_escape_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(
        "{% macro m(x) %}*{{ x }}*{% endmacro %}{{ m(label) }} {{ safe }} {{ 3 }} {{ 0.5 | percent }}"
    )
    filled = pages.render(tmp_path, "t", {"label": "<b>*", "safe": Markup("<i>")})
    assert filled == r"*\<b\>\** <i> 3 50.0 %"


def test_an_undefined_value_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("{{ nothing }}")
    with pytest.raises(jinja2.UndefinedError):
        pages.render(tmp_path, "t", {})


def test_images_are_inside_the_html_and_have_a_size(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    Image.fromarray(np.zeros((20, 30), dtype=np.uint8)).save(tmp_path / "figures" / "a.png")
    html = pages.html('![a "b" <c>](figures/a.png)\n\n| x |\n|---|\n| 1 |\n', tmp_path)
    assert 'src="data:image/png;base64,' in html
    assert 'width="30" height="20"' in html
    assert 'alt="a &quot;b&quot; &lt;c&gt;"' in html
    assert '<div class="wide"><table>' in html
    assert "</table></div>" in html


@pytest.mark.parametrize(
    ("count", "text"), [(0.048, "0.048 s"), (2.38, "2.4 s"), (184.2, "184 s"), (1500, "25 min")]
)
def test_seconds_are_as_fine_as_they_matter(count: float, text: str, tmp_path: Path) -> None:
    (tmp_path / "t").write_text("{{ count | seconds }}")
    assert pages.render(tmp_path, "t", {"count": count}) == text
