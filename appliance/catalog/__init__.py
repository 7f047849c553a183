"""Which models there are, which are on this disk, and the ways to get them there."""
