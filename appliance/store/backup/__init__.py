"""What the box remembers, in one file that can be taken elsewhere and put back."""
