"""What only a swarm of several processes has."""
import unittest

import kit
import swarmstore
from swarmstore import errors


class Swarm(kit.SwarmCase):
    def test_status_and_nodes(self):
        self.assertEqual(sorted(self.store.nodes()), [1, 2, 3])
        leader = self.store.status()
        self.assertEqual(int(self.store.status(1)["node"]), 1)
        self.assertEqual(leader["role"], "leader")

    def test_a_killed_leader_costs_nothing_acknowledged(self):
        for i in range(20):
            self.store.add("n", 1)
            if i == 5:
                victim = self.swarm.leader()
                victim.kill()
        self.assertEqual(self.store.get("n").value, b"20")
        self.assertEqual(self.store.get("n").version, 20)
        victim.start()
        self.swarm.wait_ready()

    def test_lock_and_swarmctl_exclude_each_other(self):
        with self.store.at("p").lock("l", owner=b"python"):
            code, _, stderr = self.swarm.ctl("lock", "l", "--partition", "p", "--wait", "300ms",
                                             "--config", str(self.swarm.client_config), "--",
                                             "true")
            self.assertNotEqual(code, 0)
            self.assertIn("held by python", stderr)

    def test_urls(self):
        hosts = ",".join(f"{n.number}=127.0.0.1:{n.client_port}" for n in self.swarm.nodes)
        url = f"swarm://{hosts}/town?config={self.swarm.client_config}&partition=p"
        with swarmstore.open(url) as store:
            store.put("a", b"1")
        self.assertEqual(self.store.at("p", namespace="town").get("a").value, b"1")
        with self.assertRaises(errors.SwarmError):
            swarmstore.open("swarm://nobody?configuration=x")


if __name__ == "__main__":
    unittest.main(verbosity=2)
