"""The doctor: looks at a box, says what is wrong with it and what to do, and changes nothing.

A family of checks is a generator of `Check`s in a file of its own, given the `Ground` on which it looks. `rounds` runs
all of them, each with a deadline. What a family cannot see it says it has skipped, and why.
"""
