"""When somebody speaks, when a turn is over, when a reply is interrupted: no clock but samples, no I/O, no model."""
