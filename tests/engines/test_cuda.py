"""CUDA's libraries are loaded from wheels; real ones stand in for NVIDIA's, under their names."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = "from appliance.engines import cuda; print(*cuda.preload({driver!r}))"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages as the wheels make it, with the C library's maths and a file that is no library."""
    maths = next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/libm.so" in line)
    (tmp_path / "nvidia/cublas/lib").mkdir(parents=True)
    (tmp_path / "nvidia/cublas/lib/libcublas.so.12").symlink_to(maths)
    (tmp_path / "nvidia/cublas/lib/libcublasLt.so.12").write_text("none")
    return tmp_path


def loaded(site: Path, driver: str) -> list[str]:
    code = CODE.format(driver=driver)
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": f"{ROOT}:{site}"}, capture_output=True, text=True, check=True
    )
    return [line for line in done.stdout.splitlines() if "does not load" not in line][-1].split()


def test_what_loads_is_loaded_and_the_rest_does_not_hinder(site: Path) -> None:
    driver = ctypes.util.find_library("c")
    assert driver
    assert loaded(site, driver) == ["libcublas.so.12"]


def test_nothing_is_loaded_without_a_driver_or_without_wheels(site: Path, tmp_path: Path) -> None:
    assert loaded(site, "libno-driver.so.1") == []
    assert loaded(tmp_path / "empty", ctypes.util.find_library("c") or "") == []
