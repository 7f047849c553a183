"""Why a worker does not load its model. The message is a clause for whoever runs the box: readiness shows it."""

from __future__ import annotations


class ModelRefused(Exception):
    """The model cannot be served as it is asked for."""


class ModelUnusable(ModelRefused):
    """The model's file is missing, broken, or nothing that the engine can run."""


class ModelDoesNotFit(ModelRefused):
    """There is not enough free memory, or the settings contradict the machine."""
