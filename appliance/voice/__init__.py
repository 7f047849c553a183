"""A spoken turn, from the user's audio to the reply's."""
