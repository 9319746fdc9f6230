"""HTTP downloads that resume after an interruption, with a progress bar and retries."""

import time
from pathlib import Path

import requests
from requests.exceptions import HTTPError, RequestException
from tqdm import tqdm

CONNECT_SECONDS, READ_SECONDS, PAUSE_SECONDS = 10.0, 60.0, 2.0
PIECE = 2**12  # bytes; an incomplete piece is lost
NO_USE = {400, 401, 403, 404, 410, 451}  # status codes for which a retry is pointless


class FetchError(Exception):
    """A download failed; the text is the reason."""


def download(url: str, folder: Path, *, most: int, retries: int = 2) -> Path:
    """Download `url`, at most `most` bytes, into `folder` and return the path of the file.

    A partial download in `folder` is completed if the server's file did not change (RFC 9110, section
    13.1.5). No checksum is compared, as hosts may repack the archive; `manifest.place` checks each
    image. Raises `FetchError` if the file could not be downloaded completely.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for retries_left in range(retries, -1, -1):
        try:
            return _transfer(url, folder, most)
        except (RequestException, ValueError) as error:  # ValueError: a malformed address
            final = isinstance(error, HTTPError) and error.response.status_code in NO_USE
            if final or not retries_left:
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
        if response.status_code == 416:  # the partial file is too long: it is from another version
            tag.unlink()
        response.raise_for_status()
        if response.status_code != 206:
            known = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {known}-"):
            tag.unlink()
            raise requests.ConnectionError("the server sent another range than the requested one")
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
    received = part.stat().st_size
    if 0 <= length != received - known:
        raise requests.ConnectionError(f"cut off after {received} of {known + length} bytes")
    return part.replace(folder / "download")


def _remember(tag: Path, response: requests.Response) -> None:
    """Store the version of the server's file; without it a partial download cannot be completed."""
    version = response.headers.get("ETag", "")
    if not version or version.startswith("W/"):  # a weak tag does not mean equal bytes
        version = response.headers.get("Last-Modified", "")
    if version:
        tag.write_text(version)
    else:
        tag.unlink(missing_ok=True)


def _refuse_large(size: int, most: int) -> None:
    if size > most:
        raise FetchError(f"{size:,} bytes or more; {most:,} are the most allowed")


def _innermost(error: BaseException) -> str:
    # A refused connection is wrapped five times; only the innermost error names the reason.
    while error.__context__ is not None:
        error = error.__context__
    return str(error)
