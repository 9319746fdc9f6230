from pathlib import Path

import pytest
from support.loopback import Manners, Server

from stages.sources import http

CONTENT = bytes(range(256)) * 400
MOST = 10**6


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten all waits."""
    monkeypatch.setattr(http, "READ_SECONDS", 0.5)
    monkeypatch.setattr(http, "PAUSE_SECONDS", 0.01)


def get(server: Server, folder: Path, retries: int = 0, path: str = "/copy.zip") -> bytes:
    return http.download(server.url + path, folder, most=MOST, retries=retries).read_bytes()


@pytest.mark.parametrize(
    "manners", [Manners(), Manners(tag='"1"', ranges=True), Manners(honest=False), Manners(pause=1e-3)]
)
def test_a_file_is_fetched(manners: Manners, tmp_path: Path) -> None:
    with Server({"/copy.zip": CONTENT}, manners=manners) as server:
        assert get(server, tmp_path) == CONTENT


def test_a_redirect_is_followed(tmp_path: Path) -> None:
    with Server({"/new": CONTENT}, moved={"/old": "/new"}) as server:
        assert get(server, tmp_path, path="/old") == CONTENT


def test_a_failed_transfer_is_tried_again(tmp_path: Path) -> None:
    with Server({"/copy.zip": CONTENT}, failures=1) as server:
        assert get(server, tmp_path, retries=1) == CONTENT
        assert server.requests == ["/copy.zip", "/copy.zip"]


def test_a_missing_page_is_asked_for_once(tmp_path: Path) -> None:
    with Server({}) as server:
        with pytest.raises(http.FetchError, match=r"404 Client Error"):
            get(server, tmp_path, retries=2)
        assert len(server.requests) == 1


def test_a_refused_connection_is_told(tmp_path: Path) -> None:
    with Server({}) as server:
        url = server.url
    with pytest.raises(http.FetchError, match="Connection refused"):
        http.download(f"{url}/copy.zip", tmp_path, most=MOST, retries=0)


def test_an_interrupted_transfer_is_resumed(tmp_path: Path) -> None:
    manners = Manners(tag='"1"', ranges=True, cuts=2, cut_after=30_000)
    with Server({"/copy.zip": CONTENT}, manners=manners) as server:
        assert get(server, tmp_path, retries=2) == CONTENT
        assert server.sent[:2] == [30_000, 30_000]
        assert 0 <= sum(server.sent) - len(CONTENT) < 2 * http.PIECE


def test_an_interrupted_transfer_is_resumed_by_a_later_run(tmp_path: Path) -> None:
    manners = Manners(tag='"1"', ranges=True, cuts=1, cut_after=30_000)
    with Server({"/copy.zip": CONTENT}, manners=manners) as server:
        with pytest.raises(http.FetchError, match=r"cut off|30000 bytes read"):
            get(server, tmp_path)
        assert get(server, tmp_path) == CONTENT
        assert 0 <= sum(server.sent) - len(CONTENT) < http.PIECE


@pytest.mark.parametrize(
    "manners", [Manners(tag='"1"'), Manners(ranges=True), Manners(tag='W/"1"', ranges=True)]
)
def test_a_transfer_that_cannot_be_resumed_starts_over(manners: Manners, tmp_path: Path) -> None:
    """A server without ranges, or one that does not tell versions of a file apart."""
    cutting = Manners(**{**vars(manners), "cuts": 1, "cut_after": 30_000})
    with Server({"/copy.zip": CONTENT}, manners=cutting) as server:
        assert get(server, tmp_path, retries=1) == CONTENT
        assert server.sent == [30_000, len(CONTENT)]


def test_a_transfer_of_a_file_that_was_changed_starts_over(tmp_path: Path) -> None:
    pages = {"/copy.zip": b"old" * 20_000}
    with Server(pages, manners=Manners(tag='"1"', ranges=True, cuts=1, cut_after=30_000)) as server:
        with pytest.raises(http.FetchError):
            get(server, tmp_path)
        pages["/copy.zip"], server.manners = CONTENT, Manners(tag='"2"', ranges=True)
        assert get(server, tmp_path) == CONTENT


def test_a_transfer_with_more_bytes_than_the_server_has_starts_over(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(CONTENT * 2)
    (tmp_path / "tag").write_text('"1"')
    with Server({"/copy.zip": CONTENT}, manners=Manners(tag='"1"', ranges=True)) as server:
        assert get(server, tmp_path, retries=1) == CONTENT


def test_a_server_that_stalls_is_given_up(tmp_path: Path) -> None:
    with (
        Server({"/copy.zip": CONTENT}, manners=Manners(stall=2)) as server,
        pytest.raises(http.FetchError, match="timed out"),
    ):
        get(server, tmp_path)


@pytest.mark.parametrize("honest", [True, False])
def test_a_file_that_is_far_too_large_is_refused(honest: bool, tmp_path: Path) -> None:
    with (
        Server({"/copy.zip": bytes(MOST + 70_000)}, manners=Manners(honest=honest)) as server,
        pytest.raises(http.FetchError, match="1,000,000 are the most"),
    ):
        get(server, tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= MOST + http.PIECE
