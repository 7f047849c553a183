"""Documents: from a file that somebody uploads to passages that can be found again.

`parsing.parsed` is the way in. Readers run in a process of their own, since files may be hostile.
"""
