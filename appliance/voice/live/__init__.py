"""A live conversation: audio in and out at the same time, turns, interruptions, and what was said and heard."""
