"""Transfers over HTTP, with a progress bar, a short time-out to connect, and retries."""

from pathlib import Path

import pooch
from requests.exceptions import RequestException

from stages.core.command import StageError

CONNECT_SECONDS, READ_SECONDS = 10, 60


def download(url: str, folder: Path, *, retries: int = 2) -> Path:
    """Fetch `url` into `folder` and return the file.

    No checksum is given: hosts pack their archives anew, and `manifest.place` judges every image by
    its own content.

    Raises
    ------
    StageError
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
        raise StageError(
            expected=f"an answer from {url}",
            found=_first_words(error),
            cause="no network, or the host has moved the file",
            do="give a copy that you have: SCENE15=<archive or folder> dvc repro",
        ) from error


def _first_words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else text[:160] + "…"
