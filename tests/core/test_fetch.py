from pathlib import Path

import pytest
from loopback import Server

from stages.core import fetch


def test_a_file_is_fetched(tmp_path: Path) -> None:
    with Server({"/copy.zip": b"content" * 1000}) as server:
        path = fetch.download(f"{server.url}/copy.zip", tmp_path)
    assert path.read_bytes() == b"content" * 1000


def test_a_redirect_is_followed(tmp_path: Path) -> None:
    with Server({"/new": b"content"}, moved={"/old": "/new"}) as server:
        assert fetch.download(f"{server.url}/old", tmp_path).read_bytes() == b"content"


def test_it_tries_again(tmp_path: Path) -> None:
    with Server({"/copy.zip": b"content"}, failures=1) as server:
        fetch.download(f"{server.url}/copy.zip", tmp_path, retries=1)
        assert server.requests == ["/copy.zip", "/copy.zip"]


def test_a_missing_page(tmp_path: Path) -> None:
    with Server({}) as server, pytest.raises(fetch.FetchError, match=r"404 Client Error"):
        fetch.download(f"{server.url}/copy.zip", tmp_path, retries=0)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_connection(tmp_path: Path) -> None:
    with Server({}) as server:
        url = server.url
    with pytest.raises(fetch.FetchError, match="Connection refused"):
        fetch.download(f"{url}/copy.zip", tmp_path, retries=0)
