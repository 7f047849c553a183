"""A bundle: one file with which a box is installed or upgraded without a network."""
