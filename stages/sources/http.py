"""Transfers over HTTP that go on where they were cut off, with a progress bar and retries."""

import time
from pathlib import Path

import requests
from requests.exceptions import HTTPError, RequestException
from tqdm import tqdm

CONNECT_SECONDS, READ_SECONDS, PAUSE_SECONDS = 10.0, 60.0, 2.0
PIECE = 2**12  # bytes; of one that is cut off, nothing is kept
NO_USE = {400, 401, 403, 404, 410, 451}  # answers that will be the same a moment later


class FetchError(Exception):
    """What could not be fetched; its text is the reason."""


def download(url: str, folder: Path, *, most: int, retries: int = 2) -> Path:
    """Fetch `url`, of `most` bytes at the most, into `folder` and return the file.

    What an earlier try left in `folder`, the rest is added to, if the server says that it has the same
    still (RFC 9110, section 13.1.5). No checksum is given: hosts pack their archives anew, and
    `manifest.place` judges every image by its own content.

    Raises
    ------
    FetchError
        if nothing, or not the whole, could be fetched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in range(retries, -1, -1):
        try:
            return _transfer(url, folder, most)
        except (RequestException, ValueError) as error:  # the second for an odd address
            final = isinstance(error, HTTPError) and error.response.status_code in NO_USE
            if final or not left:
                raise FetchError(_innermost(error)) from error
        time.sleep(PAUSE_SECONDS)
    raise AssertionError


def _transfer(url: str, folder: Path, most: int) -> Path:
    part, tag = folder / "part", folder / "tag"
    known = part.stat().st_size if part.exists() and tag.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if known:
        headers |= {"Range": f"bytes={known}-", "If-Range": tag.read_text()}
    timeout = (CONNECT_SECONDS, READ_SECONDS)
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
        if response.status_code == 416:  # there is no more than we have: what we have is another file
            tag.unlink()
        response.raise_for_status()
        if response.status_code != 206:
            known = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {known}-"):
            tag.unlink()
            raise requests.ConnectionError("the server sent another part than the one asked for")
        length = int(response.headers.get("Content-Length", -1))
        _refuse_large(known + length, most)
        _remember(tag, response)
        with (
            part.open("ab" if known else "wb") as file,
            tqdm(total=known + length if length >= 0 else None, initial=known,
                 desc="download", unit="B", unit_scale=True) as bar,
        ):  # fmt: skip
            for piece in response.iter_content(PIECE):
                file.write(piece)
                bar.update(len(piece))
                _refuse_large(file.tell(), most)
    found = part.stat().st_size
    if 0 <= length != found - known:
        raise requests.ConnectionError(f"cut off after {found} of {known + length} bytes")
    return part.replace(folder / "download")


def _remember(tag: Path, response: requests.Response) -> None:
    """Keep what tells one version of a file from another; without it nothing can be added later."""
    sent = response.headers
    version = sent.get("ETag", "")
    if not version or version.startswith("W/"):  # weak: alike, but not byte for byte
        version = sent.get("Last-Modified", "")
    if version:
        tag.write_text(version)
    else:
        tag.unlink(missing_ok=True)


def _refuse_large(size: int, most: int) -> None:
    if size > most:
        raise FetchError(f"{size:,} bytes or more, where {most:,} are the most to be expected")


def _innermost(error: BaseException) -> str:
    # A refused connection comes wrapped five times; only the kernel tells the reason.
    while error.__context__ is not None:
        error = error.__context__
    return str(error)
