"""What the box tells of itself, to whoever runs it: traces of its work and reports of its errors, without any words."""
