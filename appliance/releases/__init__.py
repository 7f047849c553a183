"""Releases of the appliance on a box: installing one from a bundle, going to it, and back if it is ill.

It runs before any release is there and judges what they bring, so it is apart from them: Python's own library only.
"""
