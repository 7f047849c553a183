"""The engines, each in a child process of its own: `host` is the parent's side, `worker` the child's."""
