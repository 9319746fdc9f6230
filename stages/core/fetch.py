"""Transfers over HTTP, with a progress bar, a short time-out to connect, and retries."""

from pathlib import Path

import pooch
from requests.exceptions import RequestException

CONNECT_SECONDS, READ_SECONDS = 10, 60


class FetchError(Exception):
    """What could not be fetched; its text is the reason."""


def download(url: str, folder: Path, *, retries: int = 2) -> Path:
    """Fetch `url` into `folder` and return the file.

    No checksum is given: hosts pack their archives anew, and `manifest.place` judges every image by
    its own content.

    Raises
    ------
    FetchError
        if nothing, or not the whole, could be fetched.
    """
    store = pooch.create(
        path=folder,
        base_url="",
        registry={"download": None},
        urls={"download": url},
        retry_if_failed=retries,
    )
    transfer = pooch.HTTPDownloader(progressbar=True, timeout=(CONNECT_SECONDS, READ_SECONDS))
    try:
        return Path(store.fetch("download", downloader=transfer))
    except (RequestException, ValueError, OSError) as error:
        raise FetchError(_innermost(error)) from error


def _innermost(error: BaseException) -> str:
    # A refused connection comes wrapped five times; only the kernel tells the reason.
    while error.__context__ is not None:
        error = error.__context__
    return str(error)
