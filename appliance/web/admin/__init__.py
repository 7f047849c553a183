"""`/v1/admin/…`: what an administrator's page shows of the box, and what can be done from it."""
