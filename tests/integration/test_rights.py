"""Identities, tokens, quotas and the audit log of a real swarm, as administrators and clients meet
them: by swarmctl, over connections that prove who they are, across the death of a leader."""
import json
import pathlib
import re
import signal
import unittest

from swarm_kit import START_S, wait_for
from test_cli import OnSwarm, run


class RealSwarm(OnSwarm):
    """One swarm for all of these; each test uses tenants of its own."""

    def ctl(self, *words, config=None, **kind):
        return run("swarmctl", "--config", str(config or self.config), *words, **kind)

    def good(self, *words, config=None):
        code, out, err = self.ctl(*words, "-o", "json", config=config)
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def leader(self):
        return next(n["node"] for n in self.good("node", "list")["nodes"] if n["role"] == "leader")

    def client(self, name, key_file=None):
        """A client's own configuration and key; its public key."""
        made = None
        if key_file is None:
            key_file = self.folder / f"{name}.key"
            made = json.loads(run("swarmctl", "key", "create", str(key_file), "-o", "json")[1])
        text = pathlib.Path(self.config).read_text(encoding="utf-8")
        lines = [f"key_file = {key_file}" if line.startswith("key_file") else line
                 for line in text.splitlines()]
        config = self.folder / f"{name}.conf"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return config, made and made["public_key"]

    def put(self, config, tenant, key, value="v"):
        return self.ctl("kv", "put", key, value, "--tenant", tenant, config=config)

    def test_an_identity_is_let_in_and_shut_out(self):
        alice, key = self.client("alice")
        self.assertIn(self.put(alice, "acme", "k")[0], (5, 6, 7))
        self.good("identity", "create", "alice", "--key", key,
                  "--rights", "rw acme,r shared doc", "--note", "first")
        wait_for("alice's entry", START_S, lambda: self.put(alice, "acme", "k")[0] == 0)
        self.assertEqual(self.ctl("kv", "get", "k", "--tenant", "acme", config=alice)[1], b"v\n")
        self.fails(self.put(alice, "other", "k"), 7, "PA-4001", "alice")
        self.fails(self.put(alice, "shared", "k"), 7, "PA-4001")
        for tenant in ("other", "~swarm"):
            self.fails(self.ctl("kv", "scan", "--tenant", tenant, config=alice), 7, "PA-4001")
        self.fails(self.ctl("identity", "list", config=alice), 7, "PA-4001")
        self.fails(self.ctl("node", "transfer", config=alice), 7, "PA-4001")
        self.fails(self.ctl("identity", "revoke", "alice", config=alice), 7, "PA-4001")
        shown = self.good("identity", "show", "alice")["identity"]
        self.assertEqual((shown["rights"], shown["note"]), ("rw acme,r shared doc", "first"))
        self.fails(self.ctl("identity", "create", "alice", "--key", key), 4, "PA-3103")
        self.fails(self.ctl("identity", "create", "twin", "--key", key), 4, "PA-3103",
                   "identity twin or of this key already")
        self.fails(self.ctl("identity", "revoke", "alicia"), 3, "there is no identity alicia")
        self.good("identity", "revoke", "alice")
        self.assertIn(self.put(alice, "acme", "k")[0], (5, 6, 7))
        self.fails(self.ctl("identity", "show", "alice"), 3, "PA-3102",
                   "there is no identity alice")
        code, out, err = self.ctl("doctor", "-o", "json", config=alice)
        self.assertEqual(code, 7, err)
        rows = {row["check"]: row["found"] for row in json.loads(out)["checks"]}
        self.assertIn("refuses this client", rows["node 1"])
        self.assertNotIn("leader", rows)
        text = alice.read_text(encoding="utf-8")
        alice.write_text(re.sub("(?m)^id = .*$", "id = " + 32 * "1", text), encoding="utf-8")
        code, out, err = self.ctl("doctor", "-o", "json", config=alice)
        self.assertEqual(code, 7, err)
        self.assertIn("UNAUTHENTICATED", err)
        self.assertIn("id of its swarm", out.decode())

    def test_a_namespace_keeps_what_retention_says(self):
        self.fails(self.ctl("retention", "set", "brief", "notes"), 2, "--keep-last")
        self.fails(self.ctl("retention", "set", "brief", "notes", "--max-age", "5"), 2, "5s")
        self.fails(self.ctl("retention", "delete", "brief"), 3, "there is no retention brief")
        self.good("retention", "set", "brief", "notes", "--keep-last", "2", "--max-age", "1h")
        row, = self.good("retention", "list")["retentions"]
        self.assertEqual((row["scope"], row["keep_last"], row["max_age_ms"]),
                         ("brief notes", "2", "3600000"))
        for name_space, versions in (("notes", ["5", "4", "3"]), ("all", list("54321"))):
            where = ("--tenant", "brief", "--namespace", name_space)
            for value in "12345":
                self.good("kv", "put", "k", value, *where)
            kept = self.good("history", "list", "k", *where)["versions"]
            self.assertEqual([row["value"] for row in kept], versions)
        self.good("retention", "delete", "brief", "notes")
        self.assertEqual(self.good("retention", "list")["retentions"], [])

    def test_a_token_is_redeemed_once(self):
        token = self.folder / "bob.token"
        self.good("identity", "token", "bob", str(token), "--rights", "rw bobs", "--ttl", "1h")
        bearer, _ = self.client("bearer", token)
        self.assertEqual(len(self.good("identity", "list", "--tokens")["identities"]), 1)
        key = self.folder / "bob.key"
        wait_for("the token's entry", START_S,
                 lambda: self.ctl("identity", "redeem", str(key), config=bearer)[0] == 0
                 or key.unlink())
        bob, _ = self.client("bob", key)
        wait_for("bob's entry", START_S, lambda: self.put(bob, "bobs", "k")[0] == 0)
        again = self.ctl("identity", "redeem", str(self.folder / "b2.key"), config=bearer)
        self.assertIn(again[0], (5, 6, 7))
        self.assertEqual(self.good("identity", "list", "--tokens")["identities"], [])
        self.assertIn("bob", [i["name"] for i in self.good("identity", "list")["identities"]])

    def test_a_quota_bounds_keys_and_lets_deletes_pass(self):
        self.good("quota", "set", "small", "--keys", "2", "--bytes", "100")
        for key in ("a", "b"):
            self.assertEqual(self.put(None, "small", key)[0], 0)
        self.fails(self.put(None, "small", "c"), 8, "PA-2005", "tenant small uses 2 keys",
                   "its quota is 2")
        self.fails(self.put(None, "small", "a", "x" * 100), 8, "PA-2005", "bytes")
        shown = self.good("quota", "show", "small")["quota"]
        self.assertEqual((shown["keys"], shown["keys_max"], shown["bytes"]), ("2", "2", "4"))
        self.assertEqual(self.ctl("kv", "del", "a", "--tenant", "small")[0], 0)
        self.assertEqual(self.put(None, "small", "c")[0], 0)
        self.good("quota", "set", "small", "default", "--keys", "1")
        self.fails(self.put(None, "small", "d"), 8, "PA-2005")
        self.good("quota", "delete", "small", "default")
        self.assertEqual([q["scope"] for q in self.good("quota", "list")["quotas"]], ["small"])
        self.good("quota", "delete", "small")
        self.assertEqual(self.put(None, "small", "d")[0], 0)
        self.fails(self.ctl("quota", "set", "small"), 2, "--keys")
        self.fails(self.ctl("quota", "set", "~swarm", "--keys", "1"), 2, "TENANT")

    def test_tenants_are_listed_with_what_they_use(self):
        self.good("tenant", "create", "idle", "--note", "of nobody")
        self.good("tenant", "create", "used")
        for tenant in ("used", "wild"):
            self.assertEqual(self.put(None, tenant, "k", "value")[0], 0)
        rows = {row["tenant"]: row for row in self.good("tenant", "list")["tenants"]}
        self.assertEqual((rows["idle"]["keys"], rows["idle"]["note"]), ("0", "of nobody"))
        self.assertEqual((rows["used"]["bytes"], rows["used"]["registered"]), ("6", True))
        self.assertEqual((rows["wild"]["keys"], rows["wild"]["registered"]), ("1", False))
        self.assertNotIn("~swarm", rows)
        self.fails(self.ctl("tenant", "create", "idle"), 4, "PA-3103")
        self.fails(self.ctl("tenant", "delete", "used"), 4, "1 keys")
        self.good("tenant", "delete", "used", "--keep-data")
        self.good("tenant", "delete", "idle")

    def records(self):
        code, out, err = self.ctl("audit", "export")
        self.assertEqual(code, 0, err)
        return [json.loads(line) for line in out.splitlines()]

    def test_what_was_done_is_on_record_across_the_death_of_a_leader(self):
        mallory, key = self.client("mallory")
        self.good("identity", "create", "mallory", "--key", key, "--rights", "r nothing")
        wait_for("mallory's refusal", START_S,
                 lambda: "PA-4001" in self.put(mallory, "acme", "k")[2])
        for _ in range(5):
            self.fails(self.put(mallory, "acme", "k"), 7, "PA-4001")
        self.good("node", "transfer")
        head = self.good("audit", "verify")["head"]
        leader = self.leader()
        self.processes[leader].send_signal(signal.SIGKILL)
        self.processes[leader].wait()
        wait_for("a leader", START_S, lambda: self.put(None, "acme", "after")[0] == 0)
        self.assertIn("PA-4001", self.put(mallory, "acme", "k")[2])
        self.good("audit", "verify", "--head", head)
        number, digest = head.split(":")
        wrong = f"{number}:{'0' if digest[0] != '0' else '1'}{digest[1:]}"
        self.fails(self.ctl("audit", "verify", "--head", wrong), 10, "PA-1006")
        self.fails(self.ctl("audit", "verify", "--head", "99999:" + digest), 10, "not there")
        records = self.records()
        self.assertEqual([int(r["number"]) for r in records],
                         list(range(int(records[0]["number"]), int(records[-1]["number"]) + 1)))
        self.assertTrue(all(a["hash"] == b["previous"] for a, b in zip(records, records[1:])))
        actions = [(r["action"], r["target"], r["outcome"]) for r in records]
        self.assertIn(("setting put", "identity mallory", "OK"), actions)
        self.assertIn(("transfer", "", "OK"), actions)
        denied = [r for r in records if r["outcome"] == "UNAUTHORIZED"
                  and r["target"] == "acme/default/default"]
        self.assertIn(len(denied), (1, 2))  # the first by each leader; the rest is counted
        self.start(leader)
        self.wait_healthy()
        listed = self.good("audit", "list", "--limit", "3")["records"]
        self.assertEqual(len(listed), 3)

    def test_a_restart_is_on_record(self):
        leader = self.leader()
        self.good("node", "restart", leader)
        self.wait_healthy()
        self.assertIn("restart", [r["action"] for r in self.records()])

    def test_what_a_follower_is_asked_is_on_record(self):
        leader = self.leader()
        follower = str(int(leader) % 3 + 1)
        self.good("snapshot", "take", follower)
        self.good("node", "restart", follower)
        self.wait_healthy()
        self.good("quota", "set", "acme", "--keys", "5")
        found = {(r["action"], r["target"], r["address"]) for r in self.records()}
        self.assertIn(("snapshot", f"node {follower}", "127.0.0.1"), found)
        self.assertIn(("restart", f"node {follower}", "127.0.0.1"), found)
        self.assertIn(("setting put", "quota acme", "127.0.0.1"), found)
        self.good("audit", "verify")


if __name__ == "__main__":
    unittest.main()
