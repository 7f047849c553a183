"""Who asks, and what they may use, whichever door they come through."""
