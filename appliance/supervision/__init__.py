"""The service manager's side of the appliance: what systemd is told, and what it hands over. Without it, nothing."""
