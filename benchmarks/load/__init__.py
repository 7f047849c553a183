"""Load on a box from outside; nothing here needs the appliance."""
