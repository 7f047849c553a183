"""What the box remembers."""
