"""The spoken self-test: the box is spoken to as by anybody, and what it heard and said is judged."""
