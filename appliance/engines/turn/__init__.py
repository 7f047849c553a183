"""Turns: when somebody speaks (Silero VAD), and whether a speaker who pauses is done (Smart Turn)."""
