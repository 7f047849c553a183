"""All of them, in the order in which whoever is woken wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboards.capacity import CAPACITY
from dashboards.errors import ERRORS
from dashboards.gpu import GPU
from dashboards.storage import STORAGE
from dashboards.turns import TURNS

if TYPE_CHECKING:
    from dashboards.dashboard import Dashboard

DASHBOARDS: Final[tuple[Dashboard, ...]] = (TURNS, CAPACITY, GPU, ERRORS, STORAGE)
