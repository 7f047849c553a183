"""A voice-AI appliance: listens, thinks and speaks on one box, with nothing leaving the building."""

__version__ = "0.1.0"
