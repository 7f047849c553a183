"""Thinking: llama.cpp. `engine` is the face that the worker loads."""
