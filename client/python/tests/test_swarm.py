"""What only a swarm of several processes has."""
import unittest

import kit
import swarmstore
from swarmstore import errors
from swarmstore._swarm import ffi, lib


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


class Interop(kit.SwarmCase):
    """The recipes of libswarm and those of Python are the same ones."""

    def slice(self, data):
        self.kept = getattr(self, "kept", []) + [ffi.from_buffer(data)]
        return {"data": self.kept[-1], "size": len(data)}

    def native_queue(self):
        made = ffi.new("struct swarm_queue **")
        self.assertEqual(lib.swarm_queue_open(
            self.store.native.handle, self.store.scope.cdata[0], self.slice(b"q"),
            self.slice(b"native"), 5000, made), 0)
        self.addCleanup(lib.swarm_queue_close, made[0])
        return made[0]

    def test_a_queue_of_both(self):
        native, queue = self.native_queue(), self.store.queue("q")
        number = ffi.new("uint64_t *")
        self.assertEqual(lib.swarm_queue_put(native, 7, self.slice(b"from c"), number), 0)
        self.assertEqual(queue.put(b"from python", priority=3), number[0] + 1)
        taken = ffi.new("struct swarm_queue_item **")
        self.assertEqual(lib.swarm_queue_take(native, lib.swarm_now_ms() + 5000, taken), 0)
        self.addCleanup(lib.swarm_queue_item_free, taken[0])
        value = taken[0].value
        self.assertEqual(ffi.buffer(value.data, value.size)[:], b"from python")
        item = queue.take(wait=5)
        self.assertEqual((item.value, item.number, item.priority), (b"from c", number[0], 7))
        self.assertIsNone(queue.take(wait=0))
        self.assertEqual(lib.swarm_queue_release(native, taken[0]), 0)
        again = queue.take(wait=5)
        self.assertEqual((again.value, again.deliveries), (b"from python", 2))
        self.assertEqual(lib.swarm_queue_ack(native, taken[0]), errors.Status.CONFLICT)
        item.ack()
        again.ack()
        self.assertEqual([record.key for record in self.store.scan()], [b"q/n"])
        queue.close()

    def test_an_office_of_both(self):
        made = ffi.new("struct swarm_election **")
        why = ffi.new("char[]", 160)
        campaign = (self.store.native.handle, self.store.scope.cdata[0], self.slice(b"office"),
                    self.slice(b"native"), 5000)
        with self.store.election("office").campaign(b"python") as office:
            self.assertEqual(lib.swarm_campaign(*campaign, lib.swarm_now_ms() + 200, made, why,
                                                160), errors.Status.DEADLINE)
            self.assertEqual(ffi.string(why), b"held by python")
        later = lib.swarm_now_ms() + 5000
        self.assertEqual(lib.swarm_campaign(*campaign, later, made, why, 160), 0)
        leader = self.store.election("office").leader()
        self.assertEqual((leader.value, leader.lease),
                         (b"native", lib.swarm_election_token(made[0])))
        self.assertGreater(lib.swarm_election_revision(made[0]), office.revision)
        self.assertEqual(lib.swarm_resign(made[0]), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
