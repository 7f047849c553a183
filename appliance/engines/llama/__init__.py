"""Thinking: llama.cpp with many sequences at once. `loading` is what the worker loads, `engine` its face."""
