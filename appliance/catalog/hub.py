"""The model hub: pinning a repository to a commit, and fetching its files so that a cut download goes on.

The hub's own library finds the address, the access token and the mirror (`HF_ENDPOINT`). Its whole-file
download is not used, because it starts a file anew in each process; its ranged one is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # not in __all__

from appliance.catalog.faults import Damaged, Unreachable
from appliance.catalog.lock import Digest
from appliance.catalog.manifest import Hub

if TYPE_CHECKING:
    from pathlib import Path

    from huggingface_hub import HfFileMetadata

    from appliance.catalog.listener import Listener
    from appliance.catalog.lock import Entry
    from appliance.catalog.manifest import Model

# A pull asks the hub for files and for nothing else, and says nothing about this machine.
constants.HF_HUB_DISABLE_TELEMETRY = True


@dataclass(frozen=True, slots=True)
class Pinned:
    """One file of a repository at a fixed commit. `sha256` is what the hub itself promises, where it does."""

    source: Hub
    commit: str
    member: str
    bytes: int
    sha256: str | None

    @property
    def promised(self) -> Digest | None:
        """The hub's own word on the file; small files have none."""
        return Digest(self.bytes, self.sha256) if self.sha256 else None

    def place(self, folder: Path) -> Path:
        """Where the file lies among a model's downloads: by commit, so that two never mix."""
        return folder / self.commit / self.member


def pin(model: Model, entry: Entry | None) -> dict[str, Pinned]:
    """By path, the hub files of `model` at the locked commit, or at what their revision is now.

    Raises Unreachable if the hub does not answer, and Damaged if it has other sizes than the lock file.
    """
    commits = dict(entry.revisions) if entry else {}
    pinned: dict[str, Pinned] = {}
    for file in model.hub_files:
        piece = file.pieces[0]
        if not isinstance(piece.source, Hub):
            continue
        source = piece.source
        found = _ask(source, piece.member, commits.get(source.key) or source.revision or "main")
        if found.size is None or not re.fullmatch(r"[0-9a-f]{40}", found.commit_hash or ""):
            raise Unreachable(f"{source.key}: what answers is not a model hub or a mirror of one.")
        commits.setdefault(source.key, str(found.commit_hash))
        etag = found.etag or ""
        sha256 = etag if re.fullmatch(r"[0-9a-f]{64}", etag) else None
        pinned[file.path] = Pinned(source, commits[source.key], piece.member, found.size, sha256)
    return pinned


def fetch(file: Pinned, folder: Path, listener: Listener) -> Path:
    """`file` among the downloads in `folder`, complete; what is there is gone on with. Raises Unreachable."""
    target = file.place(folder)
    if target.is_file() and target.stat().st_size == file.bytes:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    what = f"{file.source.repo}/{file.member}"
    # Asked anew: the address that the hub redirects to is signed and expires.
    location = _ask(file.source, file.member, file.commit).location
    headers = build_hf_headers()
    if urlsplit(location).netloc != urlsplit(_url(file.source, file.member, file.commit)).netloc:
        headers.pop("authorization", None)
    with partial.open("ab") as stream:
        done = stream.tell()
        if done > file.bytes:
            stream.truncate(0)
            done = 0
        listener.progress(what, done, file.bytes)

        class Bar(_Bar):
            """Reports to our listener."""

            def report(self, done: int) -> None:
                listener.progress(what, done, file.bytes)

        try:
            http_get(
                location, stream, resume_size=done, headers=headers, expected_size=file.bytes,
                displayed_filename=what, tqdm_class=Bar,
            )  # fmt: skip
        except Exception as error:
            # Which HTTP library raises, and so which class, depends on the version of the hub's library.
            raise Unreachable(f"Fetching {what} from the model hub broke off: {_cause(error)}") from error
    return partial.replace(target)


def _ask(source: Hub, member: str, revision: str) -> HfFileMetadata:
    where = f"{source.repo} at {revision}"
    try:
        return get_hf_file_metadata(_url(source, member, revision))
    except GatedRepoError as error:
        raise Unreachable(f"{where}: the hub wants its terms accepted and a token in HF_TOKEN.") from error
    except (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError) as error:
        raise Unreachable(f"{where}: the hub has no {member} there ({type(error).__name__}).") from error
    except HfHubHTTPError as error:
        raise Unreachable(f"{where}: the model hub answered {error.response.status_code} for {member}.") from error
    except Exception as error:
        raise Unreachable(f"{where}: the model hub cannot be reached: {_cause(error)}") from error


def _url(source: Hub, member: str, revision: str) -> str:
    return hf_hub_url(source.repo, member, revision=revision)


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


class _Bar:
    """As much of a progress bar as the hub's library uses."""

    def __init__(self, *, initial: int = 0, **_: Any) -> None:
        self.done = initial

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def report(self, done: int) -> None:
        """`done` bytes are here."""

    def update(self, more: int) -> None:
        """`more` bytes have come, or have been given up if negative."""
        self.done += more
        self.report(self.done)


def check(model: Model, entry: Entry, pinned: dict[str, Pinned]) -> None:
    """Hold what the hub offers against the lock before anything is fetched. Raises Damaged."""
    for path, file in pinned.items():
        must = entry.files.get(path)
        if must is None or (file.bytes == must.bytes and file.sha256 in (None, must.sha256)):
            continue
        raise Damaged(
            f"{model.name}/{path}: at the locked commit {file.commit} the hub now offers {file.bytes} bytes "
            f"with SHA-256 {file.sha256 or 'unknown'}, but the lock file says {must.bytes} bytes with "
            f"SHA-256 {must.sha256}. Do not use this mirror, or remove the model's entry from the lock "
            "file if you trust the new one."
        )
