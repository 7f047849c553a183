"""The HTTP doors: thin handlers, one wire module a protocol. Litestar is known only here and in `app`."""
