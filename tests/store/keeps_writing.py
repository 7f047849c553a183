"""Writes one turn after another into a database, and prints the id of each once it is on disk. Run by `test_backup`."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import anyio

from appliance.store.conversations import Addition, Conversations
from appliance.store.database import Database
from appliance.store.items import Item
from appliance.store.owners import Owner


async def main(path: Path) -> None:
    async with Database(path).running() as database:
        store = Conversations(database)
        for number in count():
            name = f"item{number}"
            item = Item(id=name, words=f"word{number} and others")
            await store.add(Owner("anna"), f"c{number % 20}", Addition(items=[item])).done()
            print(name, flush=True)


anyio.run(main, Path(sys.argv[1]))
