"""Changes of membership as an operator makes them: with swarmctl, while the swarm works.

Ids are never used again. A node that joins gets a place in the network and whatever the nemeses of
the run put before a node; one that is removed is stopped and left out of the final checks.
Clients find a leader only if their settings name it. So nodes that may join are prepared before the
storm, and the settings of all clients name them: places where nobody is yet must not hurt.
"""
import json

from local_swarm import Failure, wait_for

PREPARE_S = 30
CHANGE_S = 90


class Members:
    """Members of one run's swarm."""

    def __init__(self, run):
        self.run = run
        self.spares = []    # [(number, key)]: prepared, not started, no members yet
        self.prepared = []  # the same of all that ever were

    def prepare(self, count):
        """In a swarm that works."""
        for _ in range(count):
            self.prepared.append(self.prepare_one())
            self.spares.append(self.prepared[-1])
        rows = [f"{number} = {self.client_address(number)}, {key}" for number, key in self.prepared]
        text = (self.run.cluster.folder / "client.conf").read_text()
        self.write_config(text.rstrip() + "\n" + "\n".join(rows) + "\n")

    def client_address(self, number):
        host, port, _, _ = self.run.network.place(number).split(":")
        return f"{host}:{port}"

    def prepare_one(self):
        """Keys and settings of one more node. Returns (its number, its public key)."""
        cluster = self.run.cluster
        number = max([*cluster.nodes, *(n for n, _ in self.prepared)]) + 1

        def prepared():
            code, text = cluster.ctl(
                "-o", "json", "--command-timeout", "2s", "member", "prepare", str(number),
                "--address", self.run.network.place(number), "--out", str(cluster.folder),
                seconds=10)
            return json.loads(text)["key"] if code == 0 else None
        return number, wait_for(f"node {number} being prepared", PREPARE_S, prepared, 0.3)

    def known(self):
        """{node: role} as the swarm says; None while it cannot be asked."""
        code, text = self.run.cluster.ctl("-o", "json", "--command-timeout", "2s", "member",
                                          "list", seconds=10)
        if code != 0:
            return None
        roles = {int(row["node"]): row["role"] for row in json.loads(text)["members"]}
        return {n: "voter" if role == "leader" else role for n, role in roles.items()}

    def voters(self):
        return [n for n, role in (self.known() or {}).items() if role == "voter"]

    def new_node(self):
        """A prepared node in its place, not started. Returns (node, key)."""
        cluster = self.run.cluster
        if not self.spares:
            self.prepare(1)
        number, key = self.spares.pop(0)
        self.run.network.add_node(number)
        node = cluster.node_in(number, cluster.folder)
        self.run.equip(node)
        cluster.nodes[number] = node
        self.run.sampler.watch(number)
        return node, key

    def change(self, *words):
        """One command of `swarmctl member`, which asks again by itself; its exit code."""
        code, _ = self.run.cluster.ctl("--command-timeout", "2s", "member", *map(str, words),
                                       "--wait", f"{CHANGE_S}s", seconds=CHANGE_S + 15)
        return code

    def grow(self):
        """One more voter. Returns (its number, exit code)."""
        node, key = self.new_node()
        code = self.change("add", node.number, "--address", self.run.network.place(node.number),
                           "--key", key)
        self.run.cluster.start_node(node.number)
        if code == 0:
            code = self.change("promote", node.number)
        return node.number, code

    def replace(self, old):
        """A new node instead of `old`. Returns (its number, exit code)."""
        node, key = self.new_node()
        self.run.cluster.excuse(old, "removed")
        self.run.cluster.start_node(node.number)
        code = self.change("replace", old, node.number, "--address",
                           self.run.network.place(node.number), "--key", key)
        if code == 0:
            self.retire(old)
        return node.number, code

    def shrink(self, old):
        self.run.cluster.excuse(old, "removed")
        code = self.change("remove", old)
        if code == 0:
            self.retire(old)
        return old, code

    def retire(self, number):
        """Stops a node that is no member any more."""
        node = self.run.cluster.nodes[number]
        node.removed = True
        self.run.cluster.kill(number)
        self.run.nemesis_log.write("removed", {"nodes": [number]})

    def converge(self):
        """In a healed swarm: all members vote, all others are stopped, clients know the members."""
        def all_vote():
            roles = self.known()
            for number, role in (roles or {}).items():
                if role != "voter":
                    self.change("promote", number)
            return roles if roles and set(roles.values()) == {"voter"} else None
        roles = wait_for("all members being voters", 2 * CHANGE_S, all_vote, 0.3)
        for number, node in list(self.run.cluster.nodes.items()):
            if number not in roles and not node.removed:
                self.retire(number)
        strangers = [n for n in roles if self.run.cluster.nodes[n].removed]
        if strangers:
            raise Failure(f"nodes {strangers} are members again after they were removed")

    def write_config(self, text):
        """Settings of clients from now on."""
        path = self.run.cluster.folder / "client-now.conf"
        path.write_text(text)
        self.run.cluster.now_config = path
