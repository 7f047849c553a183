"""What an admin does with the box from elsewhere: models, the set that it runs, backups."""
