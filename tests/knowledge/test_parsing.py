"""The reader's process: what it may do, what it survives, and what becomes of it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import anyio
import psutil
import pytest
from documents import bomb_pdf, docx, paragraph, passages, pdf, raw_pdf

from appliance.errors import ApplianceError
from appliance.knowledge import kinds
from appliance.knowledge.limits import Limits
from appliance.knowledge.parsing import parsed

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.knowledge.passage import Passage

pytestmark = [pytest.mark.anyio, pytest.mark.long]
SMALL = Limits(seconds=300, passage_seconds=300, memory=200_000_000)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def read(path: Path, name: str, limits: Limits = SMALL, *, script: str | None = None) -> list[Passage]:
    command = (sys.executable, "-c", script) if script is not None else None
    async with parsed(path, name, limits, **({"command": command} if command else {})) as found:
        return [passage async for passage in found]


def written(folder: Path, data: bytes) -> Path:
    path = folder / "upload"
    path.write_bytes(data)
    return path


GOOD = {
    "a.txt": "Größe. 日本語です。".encode(),
    "b.md": b"# Title\n\nText *here*.",
    "c.html": '<meta charset="shift_jis"><h1>題名</h1><p>日本語'.encode("shift_jis"),
    "d.pdf": pdf([["Some text"], ["and more"]], titles=[("Some text", 0)]),
    "e.pdf": pdf([["Anybody may read this"]], "", owner="other"),
    "f.docx": docx(paragraph("Kapitel", "berschrift1") + paragraph("Satz.")),
    "g.csv": "Name;Größe\nTisch;3\n".encode("cp1252"),
    "h.json": json.dumps({"a": [1, {"b": "ü"}]}).encode("utf-16"),
    "i.jsonl": b'{"a": 1}\n{"a": 2}\n',
}


@pytest.mark.parametrize("name", GOOD)
async def test_a_confined_reader_reads_what_a_free_one_does(tmp_path: Path, name: str) -> None:
    assert await read(written(tmp_path, GOOD[name]), name) == passages(GOOD[name], kinds.kind_of(name))


def zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as part:
        for _ in range(300):
            part.write(b" " * 1_000_000)
    return out.getvalue()


LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY a "ha ha ha ha ha ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 20}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    + "]>"
)
CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
WHOLE_PDF = pdf([["Some text"] * 30] * 20)
DEEP = 100_000

HOSTILE = {
    "zip bomb": ("x.docx", zip_bomb(), "document_too_large"),
    "billion laughs": ("x.docx", docx(paragraph("&j;"), prolog=LAUGHS), "document_unreadable"),
    "deep xml": ("x.docx", docx("<w:p>" * DEEP), "document_unreadable"),
    "half a zip": ("x.docx", docx(paragraph("a" * 500))[:-200], "document_unreadable"),
    "pages that hold themselves": (
        "x.pdf",
        raw_pdf([CATALOG, b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9 >>"]),
        "document_unreadable",
    ),
    "a PDF that unpacks to 90 MB": ("x.pdf", bomb_pdf(90_000_000), "document_too_large"),
    "garbage after %PDF": ("x.pdf", b"%PDF-1.7\n" + bytes(range(256)) * 400, "document_unreadable"),
    "half a PDF": ("x.pdf", WHOLE_PDF[:600], "document_unreadable"),
    "deep json": ("x.json", b"[" * DEEP, "document_unreadable"),
    "deep json objects": ("x.jsonl", b'{"a":' * DEEP, "document_unreadable"),
    "endless csv line": ("x.csv", b"a,b\n" + b"x" * 3_000_000, "document_unreadable"),
    "endless csv cell": ("x.csv", b'a,b\n"' + b"x\n" * 1_500_000, "document_unreadable"),
    "deep quotes": ("x.md", b"> " * 30_000 + b"end", "document_empty"),
    "one huge string": ("x.json", b'["' + b"x" * 80_000_000 + b'"]', "document_unreadable"),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_hostile_file_is_an_error(tmp_path: Path, what: str) -> None:
    name, data, code = HOSTILE[what]
    with pytest.raises(ApplianceError, match=r"\w") as caught:
        await read(written(tmp_path, data), name)
    assert caught.value.code == code, caught.value.message


ODD = {
    "endless line": ("x.txt", b"word " * 400_000),
    "endless word": ("x.md", b"x" * 500_000),
    "full stops": ("x.txt", b"." * 500_000 + b"end"),
    "deep html": ("x.html", b"<div>" * DEEP + b"end"),
    "deep lists": ("x.html", b"<ul><li>" * 2000 + b"end"),
    "brackets": ("x.md", b"[" * 100_000 + b"end"),
    "invalid UTF-8": ("x.txt", b"\xff\xc3\x28 end"),
    "spaces": ("x.txt", b"end" + b" \n " * 300_000 + b"end"),
}


@pytest.mark.parametrize("what", ODD)
async def test_an_odd_file_is_read_to_its_end(tmp_path: Path, what: str) -> None:
    name, data = ODD[what]
    found = await read(written(tmp_path, data), name)
    assert found[-1].text.endswith(data[-3:].decode().strip() or "d")


async def test_sixty_megabytes_of_json_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    record = json.dumps({"name": "x" * 40, "words": "some words " * 1400})
    with path.open("w") as file:
        file.write("[" + ",\n".join([record] * (60_000_000 // len(record) + 1)) + "]")
    assert path.stat().st_size > 60_000_000
    async with parsed(path, "big.json") as found:
        count = 0
        async for passage in found:
            assert passage.ordinal == count
            count += 1
    assert count > 10_000
    assert found.peak is not None
    assert found.peak < 100_000_000


async def test_too_little_memory_is_said(tmp_path: Path) -> None:
    path = written(tmp_path, b'["' + b"x" * 30_000_000 + b'"]')
    with pytest.raises(ApplianceError, match="memory"):
        await read(path, "x.json", Limits(memory=30_000_000))


LONG = ("A sentence of some words is here. " * 20 + "\n\n") * 2000


async def test_a_reader_that_is_killed_is_an_error(tmp_path: Path) -> None:
    async with parsed(written(tmp_path, LONG.encode()), "x.txt") as found:
        assert (await anext(found)).ordinal == 0
        os.kill(found.pid, signal.SIGKILL)
        with pytest.raises(ApplianceError, match="ended by the system") as caught:
            async for _ in found:
                pass
    assert caught.value.code == "document_unreadable"


async def test_a_reader_ends_when_nobody_wants_more(tmp_path: Path) -> None:
    async with parsed(written(tmp_path, LONG.encode()), "x.txt") as found:
        await anext(found)
        assert psutil.pid_exists(found.pid)
        assert psutil.Process(found.pid).nice() >= 10
    assert not psutil.pid_exists(found.pid)


async def test_a_reader_ends_when_its_waiter_is_cancelled(tmp_path: Path) -> None:
    begun, pids = anyio.Event(), []

    async def wait() -> None:
        async with parsed(written(tmp_path, LONG.encode()), "x.txt") as found:
            pids.append(found.pid)
            await anext(found)
            begun.set()
            await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await begun.wait()
        tasks.cancel_scope.cancel()
    assert not psutil.pid_exists(pids[0])


PARENT = """
import sys, anyio
from pathlib import Path
from appliance.knowledge.parsing import parsed

async def main():
    async with parsed(Path(sys.argv[1]), "x.txt") as found:
        await anext(found)
        print(found.pid, flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


def test_a_reader_ends_with_its_parent(tmp_path: Path) -> None:
    path = written(tmp_path, LONG.encode())
    with subprocess.Popen([sys.executable, "-c", PARENT, str(path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    psutil.wait_procs([child], timeout=30)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("script", "limits", "said"),
    [
        ("import time; time.sleep(600)", Limits(passage_seconds=0.1), "nothing more came"),
        ("import time; time.sleep(600)", Limits(seconds=0.1), "nothing more came"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", Limits(seconds=7), "more than 7 s"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", Limits(), "broke down"),
        ("import os, time; os.close(1); time.sleep(600)", Limits(), "ended by the system"),
        ("import sys; sys.exit(0)", Limits(), "broke down"),
        (r"import os; os.write(1, b'\xff\xff\xff\xffx')", Limits(), "upset"),
        (r"import os; os.write(1, b'\0\0\0\2ab')", Limits(), "upset"),
        (r"import os; os.write(1, b'\0\0\0\5ab')", Limits(), "broke down"),
    ],
)
async def test_whatever_a_reader_does_its_parent_says_what(
    tmp_path: Path, script: str, limits: Limits, said: str
) -> None:
    with pytest.raises(ApplianceError, match=said) as caught:
        await read(written(tmp_path, b"text"), "x.txt", limits, script=script)
    assert (caught.value.code, caught.value.status, caught.value.param) == ("document_unreadable", 400, "file")


ENVIRONMENT_SAID = """
import os
from appliance.knowledge.frames import Failed, encode
os.write(1, encode(Failed("document_empty", ",".join(sorted(os.environ)))))
"""


async def test_a_reader_hears_of_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_KEY", "x")
    with pytest.raises(ApplianceError, match="PATH") as caught:
        await read(written(tmp_path, b"text"), "x.txt", script=ENVIRONMENT_SAID)
    assert "APPLIANCE_KEY" not in caught.value.message


CONFINED = """
import errno, os, socket
from appliance.knowledge.confinement import confine
from appliance.knowledge.limits import Limits

peak = confine(Limits(memory=50_000_000))
for attempt in (
    lambda: open("/etc/hostname"), socket.socket, os.pipe, lambda: bytearray(60_000_000), lambda: os.write(3, b"x"),
):
    try:
        attempt()
    except OSError as error:
        print(errno.errorcode[error.errno])
    except MemoryError:
        print("MemoryError")
print(os.nice(0) >= 10, 1e6 < peak() < 1e9)
"""


def test_a_confined_process_opens_nothing_and_writes_to_no_file(tmp_path: Path) -> None:
    target = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    try:
        script = f"import os; os.dup2({target}, 3)\n{CONFINED}"
        said = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, pass_fds=[target], timeout=60
        )
    finally:
        os.close(target)
    assert said.stdout.split() == ["EMFILE", "EMFILE", "EMFILE", "MemoryError", "EFBIG", "True", "True"]


async def test_an_unknown_type_starts_no_reader(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match=r"\.jsonl") as caught:
        await read(tmp_path / "nothing", "x.exe", script="raise SystemExit")
    assert caught.value.code == "document_unsupported"
