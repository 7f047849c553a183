"""Pure rules of speech: no clock, no I/O, no model."""
