"""The dashboards that Grafana shows, and from what they are made.

`python -m dashboards`, run in `ansible/`, writes the JSON that the role `monitoring` installs; a test holds it against
this.
"""
