"""A first program: keys, a transaction and a watch, in a directory of its own, without a server.

    python hello.py [URL]       for a swarm: swarm://host:6700/demo?config=client.conf
"""
import sys
import tempfile

import swarmstore
from swarmstore import key


def main():
    where = sys.argv[1] if len(sys.argv) > 1 else f"file:{tempfile.mkdtemp()}/data"
    with swarmstore.open(where, partition="hello") as store:
        first = store.put("fact/1", b"water is wet")
        store.put("fact/2", b"fire is hot")
        for record in store.scan("fact/"):
            print(record.key.decode(), "=", record.text)

        done = (store.txn().when(key("fact/3").missing())
                .put("fact/3", b"ice is cold").add("facts", 3)
                .otherwise().get("fact/3").run())
        print("written" if done.succeeded else "was there", "at revision", done.revision)

        for change in store.watch("fact/", after=first.revision - 1, idle=0.2):
            print("revision", change.revision, change.key.decode(), change.value.decode())


if __name__ == "__main__":
    main()
