"""What the doctor finds, each check both ways."""
