"""A page in a real browser: what it shows, what it asks for, what it complains about."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
INSTALL = "no Chromium here; to run this test: apt-get install --no-install-recommends chromium"


@dataclass
class Visit:
    """An open page, and what it has done so far."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def list(self, selector: str, expression: str) -> list[str]:
        """A JavaScript expression of each element that the selector finds."""
        found = self.page.eval_on_selector_all(selector, f"all => all.map(e => String({expression}))")
        return [str(text) for text in found]

    def check(self, path: Path, questions: int) -> None:
        """What holds of a report: no complaint, no request, all pictures and questions, no overflow."""
        assert self.errors == []
        assert {url for url in self.requests if not url.startswith("data:")} == {path.as_uri()}
        whole = "e.complete && e.naturalWidth == e.getAttribute('width') && e.width > 50 && e.alt != ''"
        assert set(self.list("img", whole)) == {"true"}
        assert len(self.list("h2", "e.textContent")) == questions
        assert self.list("html", "e.scrollWidth <= window.innerWidth") == ["true"]


@contextmanager
def visit(path: Path, width: int = 1280, height: int = 900) -> Iterator[Visit]:
    """Open the file in a headless Chromium with a window of this size."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(INSTALL)
    with sync_playwright() as playwright:
        # A sandbox of its own is refused to root, which is who CI is.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        page = browser.new_page(viewport={"width": width, "height": height})
        seen = Visit(page)
        page.on("console", lambda message: seen.errors.append(message.text))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("dialog", lambda dialog: seen.errors.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.goto(path.resolve().as_uri())
        yield seen
        browser.close()
