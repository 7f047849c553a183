"""The page's files as they leave: whole, compressed, kept by browsers for as long as they are good for."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from scripted import ScriptedStage, doors

from appliance.web.page_files import FOLDER, LANGUAGES, page_files

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MOST_BYTES = 150_000
IMPORTED = re.compile(r"""(?:^(?:import|export)\b[^;"'=(]*\bfrom\s*|\bimport\()["']([^"'\s]+)["']""", re.MULTILINE)
PATHS = ("/", "/history", "/history/conv_1", "/admin", "/admin/keys")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with doors(stage=ScriptedStage([])) as address:
        yield address


@pytest.mark.parametrize("path", PATHS)
def test_every_address_of_the_page_has_the_page_and_its_policy(url: str, path: str) -> None:
    answer = httpx.get(url + path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policies = answer.headers.get_list("content-security-policy")
    assert len(policies) == 1  # two would both hold
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policies[0]
    assert "unsafe" not in policies[0]
    assert answer.headers["x-frame-options"] == "DENY"
    again = httpx.get(url + path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_other_answers_keep_the_policy_that_forbids_all(url: str) -> None:
    for path in ("/v1/models", "/nowhere", f"/page/{page_files().digest}/js/main.js"):
        assert (
            httpx.get(url + path).headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors")
        )


def test_all_that_the_page_names_is_there(url: str) -> None:
    text = httpx.get(url).text
    assert LANGUAGES not in text
    named = re.findall(r'(?:href|src)="(/page/[^"]+)"', text)
    assert len(named) > 30
    for path in named:
        answer = httpx.get(url + path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_module_imports_nothing_that_is_not_there_and_nothing_from_elsewhere() -> None:
    for path in FOLDER.rglob("*.js"):
        for target in IMPORTED.findall(path.read_text()):
            assert target.startswith("."), (path, target)
            assert (path.parent / target).is_file(), (path, target)


def test_an_older_pages_files_are_gone(url: str) -> None:
    answer = httpx.get(f"{url}/page/0123456789ab/js/main.js")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert httpx.get(f"{url}/page/{page_files().digest}/../page.py").status_code == 404
    assert httpx.get(f"{url}/page/{page_files().digest}/tsconfig.json").status_code == 404
    assert httpx.get(f"{url}/page/{page_files().digest}/types.d.ts").status_code == 404


def test_who_takes_gzip_gets_it(url: str) -> None:
    path = f"{url}/page/{page_files().digest}/js/main.js"
    with httpx.stream("GET", path) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        raw = b"".join(packed.iter_raw())
    plain = httpx.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(raw) == plain.content


def test_all_that_a_browser_may_ever_fetch_is_small() -> None:
    """In one language: nobody reads two."""
    files = page_files().files
    words = [len(file.packed) for name, file in files.items() if name.startswith("words/")]
    other = sum(len(file.packed) for name, file in files.items() if not name.startswith("words/"))
    assert other - len(files["vendor/LICENSES.txt"].packed) + max(words) < MOST_BYTES


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{}", 204), (b"[]", 400), (b'{"csp-report": 7}', 400), (b'{"csp-report": {"effective-directive": "x"}}', 204),
     (b"{", 400), (b"x" * 20_000, 413)],
)  # fmt: skip
def test_a_report_may_be_anything_and_is_bounded(url: str, body: bytes, status: int) -> None:
    answer = httpx.post(f"{url}/page/reports", content=body, headers={"content-type": "application/csp-report"})
    assert answer.status_code == status


def test_the_libraries_are_those_of_their_packages(tmp_path: Path) -> None:
    if not (ROOT / "node_modules" / "made").exists() or shutil.which("npm") is None:
        pytest.skip("needs the page's packages: make node_modules/made, with the package npm")
    subprocess.run(["make", "-s", "vendor", f"VENDOR={tmp_path}"], cwd=ROOT, check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(made) == 5
    assert made == {name: (FOLDER / "vendor" / name).read_bytes() for name in made}
