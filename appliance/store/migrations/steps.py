"""Where the steps are numbered in the order in which they were written."""

from __future__ import annotations

from typing import Final

from sqlite_utils import Migrations

steps: Final = Migrations("appliance")
