"""`[wyoming]`: the box in the protocol of Home Assistant's voice servers and satellites."""
