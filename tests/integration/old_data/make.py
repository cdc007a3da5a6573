"""Makes the data directory of one node with an older build: SW_TEST_BIN=OLD/bin make.py NAME.

Run once for each version; the archives beside this file are its results and are never made anew,
since a present build would write the present formats. The node is stopped in order once and then
killed, so the state is older than the log and the rest is replayed at the next start.
"""
import base64
import gzip
import io
import json
import pathlib
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from swarm_kit import START_S, swarm, wait_for  # noqa: E402 (the path comes first)


def must(made, *words):
    code, out, err = made.ctl(*words, "-o", "json")
    assert code == 0, (words, out, err)
    return json.loads(out)


def write(made):
    """Some of everything that the old program knew."""
    for i in range(5):
        must(made, "kv", "put", f"key-{i}", f"value-{i}")
    must(made, "kv", "del", "key-4")
    must(made, "experience", "append", "learned")
    made.nodes[0].stop()
    made.nodes[0].start()
    made.wait_ready()
    must(made, "kv", "put", "key-0", "after the stop")
    must(made, "kv", "put", "key-5", "last")
    if sys.argv[1].endswith("-lease"):
        lease = must(made, "lease", "grant", "24h")["lease"]
        must(made, "kv", "put", "held", "yes", "--lease", lease)


def told(made):
    """What the old program makes of the same directory at its next start: the first entry of the
    new term is the last one that both replay, if no lease makes the leader's clock tick."""
    node = made.nodes[0]
    node.start()
    made.wait_ready()
    health = must(made, "health")["nodes"][0]
    return json.dumps({"swarm": made.swarm_id, "node": base64.b64encode(node.secret).decode(),
                       "index": health["digest_index"], "digest": health["digest"]}).encode()


def pack(made, path):
    with gzip.open(path, "wb") as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for file in sorted(made.nodes[0].data.rglob("*")):
            if file.is_file() and not file.name.startswith(("spare-", "LOCK", "lock.mdb")):
                tar.add(file, str(file.relative_to(made.nodes[0].data)))
        note = told(made)
        info = tarfile.TarInfo("told.json")
        info.size = len(note)
        tar.addfile(info, io.BytesIO(note))


def main():
    with swarm(1) as made:
        made.start()
        wait_for("a leader", START_S, made.leader)
        write(made)
        made.nodes[0].kill()
        pack(made, HERE / f"{sys.argv[1]}.tar.gz")


if __name__ == "__main__":
    main()
