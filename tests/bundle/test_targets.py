"""What a box needs is judged for the box, not for the machine that makes the bundle."""

from __future__ import annotations

import zipfile
from pathlib import Path

import llama_cpp
import pytest
from packaging.markers import Marker

from appliance.bundle import llama
from appliance.bundle.faults import BundleError
from appliance.bundle.pins import Pin, read
from appliance.bundle.target import Target

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("marker", "needed"),
    [
        ("sys_platform == 'win32'", False),
        ("python_full_version >= '3.12'", True),
        ("python_full_version < '3.13.4'", True),
        ("python_version < '3.12'", False),
        ("platform_machine == 'x86_64' and implementation_name != 'PyPy'", True),
        ("platform_machine == 'aarch64'", False),
    ],
)
def test_markers_are_those_of_the_target(marker: str, needed: bool) -> None:
    assert Target("3.13", "x86_64", "2.36").needs(Pin("cup", "1", Marker(marker), frozenset())) is needed


def test_platforms_go_down_from_the_targets_c_library() -> None:
    platforms = Target("3.11", "x86_64", "2.36").platforms
    assert platforms[0] == "manylinux_2_36_x86_64"
    assert "manylinux2014_x86_64" in platforms
    assert "manylinux_2_37_x86_64" not in platforms
    assert platforms[-1] == "manylinux1_x86_64"


@pytest.mark.parametrize(("python", "glibc"), [("3", "2.36"), ("3.11.2", "2.36"), ("3.11", "36"), ("3.11", "2.4")])
def test_a_wrong_target_is_named(python: str, glibc: str) -> None:
    with pytest.raises(BundleError, match="is not of the form"):
        Target(python, "x86_64", glibc)


def test_every_line_of_the_real_lock_is_understood() -> None:
    pins = read(ROOT / "requirements.lock")
    names = [line.split("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line[:60]]
    assert [pin.name for pin in pins] == [name for name in names if not name.startswith((" ", "#"))]
    assert all(pin.sha256 for pin in pins)


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A wheel of the llama.cpp that is installed here."""
    library = Path(llama_cpp.__file__).parent / "lib"
    with zipfile.ZipFile(tmp_path / "llama_cpp_python-1-py3-none-any.whl", "w") as wheel:
        for file in library.glob("libggml*"):
            wheel.write(file, f"llama_cpp/lib/{file.name}")
    return tmp_path / "llama_cpp_python-1-py3-none-any.whl"


def test_a_wheel_for_this_cpu_needs_what_this_cpu_has(compiled: Path, tmp_path: Path) -> None:
    (tmp_path / "options").write_text("-DGGML_CUDA=on\n")
    (tmp_path / "cpuinfo").write_text("processor : 0\nflags\t\t: fpu avx2 sse4_2 hypervisor fma\nflags : later\n")
    assert llama.flags(compiled, tmp_path / "cpuinfo") == ("avx2", "fma", "sse4_2")


def test_any_other_wheel_is_asked(compiled: Path, tmp_path: Path) -> None:
    asked = llama.flags(compiled, tmp_path / "no-cpuinfo")
    (tmp_path / "options").write_text("-DGGML_NATIVE=OFF -DGGML_AVX2=ON\n")
    assert llama.flags(compiled, tmp_path / "no-cpuinfo") == asked
    assert asked
    assert set(asked) <= set(Path("/proc/cpuinfo").read_text().split())


def test_the_oldest_c_library_is_read_from_the_code(compiled: Path) -> None:
    kind, version = llama.glibc(compiled).split(".")
    assert kind == "2"
    assert 17 <= int(version) < 99
