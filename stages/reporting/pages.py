"""Pages from templates: Markdown for a repository's web view, and one self-contained HTML file.

Both come from the same Markdown template. Every value in a template is escaped unless it is marked as
safe, so no file name or label can become markup.
"""

import base64
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import jinja2
from markdown_it import MarkdownIt
from markupsafe import Markup
from PIL import Image

from stages.reporting import significance
from stages.runtime import files
from stages.runtime.paths import Paths

TEMPLATES = Path(__file__).parent / "templates"
# Characters that Markdown or GitHub would interpret; a backslash in front escapes them.
# (An underscore inside a word is harmless.)
_SPECIAL = re.compile(r"([\\`*\[\]<>#|~&$@]|:(?=\S)|_(?![A-Za-z0-9])|(?<![A-Za-z0-9])_)")


def write(paths: Paths, values: Mapping[str, Any]) -> None:
    """Write the Markdown page, and the HTML page with all its pictures inside."""
    text, marked = (
        render(TEMPLATES, "report.md.j2", {**values, "html": rich}) for rich in (False, True)
    )
    files.write_text(paths.report(".md"), text)
    page = render(TEMPLATES, "report.html.j2", {"body": html(marked, paths.results)})
    files.write_text(paths.report(".html"), page)


def literal(text: str) -> Markup:
    """Text that Markdown shows as it is, in a line or in a table cell."""
    line = re.sub(r"[\r\n]+", " ", text)
    return Markup(_SPECIAL.sub(r"\\\1", line))  # noqa: S704 escaped here


def render(templates: Path, name: str, values: Mapping[str, Any]) -> str:
    """Fill the template `name` of the folder `templates`; an undefined value is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        autoescape=True,  # so that what a macro returns is marked as safe
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share: f"{100 * share:.1f} %"
    environment.filters["number"] = lambda count: f"{count:,}"
    environment.filters["points"] = lambda difference: f"{100 * difference:+.1f}"
    environment.filters["share"] = lambda share: f"{share:.4f}"
    environment.filters["seconds"] = _seconds
    environment.filters["p"] = significance.text
    return environment.get_template(name).render(values)


def html(markdown: str, folder: Path) -> Markup:
    """Turn Markdown into HTML with its images, which lie under `folder`, inside."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")

    def image(renderer: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
        return _embedded(folder / tokens[at].attrs["src"], tokens[at].content)

    parser.add_render_rule("image", image)
    parser.add_render_rule("table_open", lambda *_: '<div class="wide"><table>')
    parser.add_render_rule("table_close", lambda *_: "</table></div>")
    return Markup(parser.render(markdown))  # noqa: S704 `render` escaped what is put in


def _embedded(path: Path, text: str) -> str:
    with Image.open(path) as image:
        width, height = image.size
    data = base64.b64encode(path.read_bytes()).decode()
    source = f"data:image/png;base64,{data}"
    return f'<img src="{source}" alt="{escape(text)}" width="{width}" height="{height}">'


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Markup) else literal(str(value))


def _seconds(count: float) -> str:
    if count < 100:
        return f"{count:.2g} s" if count < 1 else f"{count:.1f} s"
    return f"{count:.0f} s" if count < 600 else f"{count / 60:.0f} min"
