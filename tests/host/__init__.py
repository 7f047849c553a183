"""Hosts that are booted, provisioned, broken and upgraded."""
