"""The swarm under test: real swarmds, each with what holds it down and what excuses its end.

A node runs while nothing holds it down. Nemeses put holds on nodes and take them off, so that two
of them at work on one node do not start it under each other's hands. A node whose data was damaged
may be given up: it stays down, and the final checks leave it out and say so.
"""
import http.client
import json
import pathlib
import shutil
import signal
import subprocess
import threading
import time

from local_swarm import Failure, wait_for

from . import network


class Node:
    """One swarmd: its places, its process while it lives, and why it may be down."""

    def __init__(self, number, folder, log):
        self.number = number
        self.folder = folder
        self.data = self.folder / "data"
        self.config = self.folder / "swarmd.conf"
        self.log = log
        self.process = None
        self.holds = set()
        self.paused = False
        self.excuses = []   # [(what, from ns, to ns or None)]: times in which it may end by itself
        self.given_up = None
        self.removed = False    # from the swarm, by a change of membership
        self.damaged = None  # the nemesis that changed its stored bytes
        self.build = None   # of another version, else the cluster's own
        self.flags = []
        self.environment = {}

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.alive():
            self.process.send_signal(number)


class Cluster:
    """All nodes of a run."""

    def __init__(self, run):
        self.folder = run.folder / "swarm"
        self.build = run.build
        self.net = run.network
        self.log = run.nemesis_log
        self.environment = run.belongings.environment()
        self.flags = run.spec["flags"]
        self.nodes = {n: self.node_in(n, self.folder) for n in run.network.nodes}
        self.now_config = None  # settings of clients that name the members of now
        self.ends = []      # what ended by itself: {"node", "code", "time", "excuse"}
        self.lock = threading.RLock()

    def node_in(self, number, folder):
        return Node(number, folder / f"node-{number}", self.folder / f"node-{number}.log")

    # --- files and commands ---------------------------------------------------------------------

    @property
    def client_config(self):
        return self.now_config or self.folder / "client.conf"

    def program(self, name, build=None):
        return str(pathlib.Path(build or self.build) / "bin" / name)

    def create(self):
        done = subprocess.run([self.program("swarmctl"), "swarm", "create", str(self.folder),
                               *self.net.create_flags()], capture_output=True, text=True,
                              timeout=60, check=False)
        if done.returncode != 0:
            raise Failure(f"swarmctl swarm create failed: {done.stderr.strip()}")

    def client_command(self, name, *args):
        """A client program of the swarm, in the clients' place."""
        return [*self.net.prefix(network.CLIENTS), self.program(name), *args]

    def ctl(self, *args, seconds=15):
        """swarmctl to its end: (exit code, stdout)."""
        try:
            done = subprocess.run(
                self.client_command("swarmctl", "--config", str(self.client_config), *args),
                capture_output=True, text=True, timeout=seconds, check=False,
                env=self.environment)
        except subprocess.TimeoutExpired:
            return 124, ""
        return done.returncode, done.stdout

    # --- processes ------------------------------------------------------------------------------

    def start_node(self, number):
        """Nothing happens if it runs, is held down or was given up."""
        node = self.nodes[number]
        with self.lock:
            if node.alive() or node.holds or node.given_up or node.removed:
                return
            variables = [f"{name}={value}" for name, value in node.environment.items()]
            with open(node.log, "ab") as log:
                node.process = subprocess.Popen(
                    [*self.net.prefix(number), "env", *variables,
                     self.program("swarmd", node.build), "--config", str(node.config),
                     *self.flags, *node.flags],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
                    start_new_session=True)
            node.paused = False

    def start(self):
        for number in list(self.nodes):
            self.start_node(number)

    def hold(self, number, why):
        self.nodes[number].holds.add(why)

    def release(self, number, why):
        """Takes one hold off and starts the node if it was the last."""
        node = self.nodes[number]
        node.holds.discard(why)
        self.start_node(number)

    def kill(self, *numbers):
        """SIGKILL, to all of them before any is waited for: at one instant, as far as that goes."""
        with self.lock:
            processes = [self.nodes[n].process for n in numbers if self.nodes[n].alive()]
            for process in processes:
                process.kill()
            for process in processes:
                process.wait()
            for number in numbers:
                self.nodes[number].process = None

    def terminate(self, number, seconds=60):
        """An orderly stop. A pause is over first; an end that is not in order is noted."""
        node = self.nodes[number]
        with self.lock:
            if not node.alive():
                return
            process, node.process = node.process, None
        if node.paused:
            process.send_signal(signal.SIGCONT)
            node.paused = False
        process.terminate()
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = "stuck"
        if code != 0:
            self.note_end(node, code)

    def pause(self, number):
        node = self.nodes[number]
        if node.alive():
            node.signal(signal.SIGSTOP)
            node.paused = True

    def resume(self, number):
        node = self.nodes[number]
        node.signal(signal.SIGCONT)
        node.paused = False

    def excuse(self, number, what):
        """From now on until `no_excuse` the node may end by itself or log errors."""
        self.nodes[number].excuses.append([what, self.log.now(), None])

    def no_excuse(self, number, what, grace_s=5):
        for row in self.nodes[number].excuses:
            if row[0] == what and row[2] is None:
                row[2] = self.log.now() + int(grace_s * 1e9)

    def excused(self, number, when):
        for what, begin, end in self.nodes[number].excuses:
            if begin <= when and (end is None or when <= end):
                return what
        return None

    def note_end(self, node, code):
        now = self.log.now()
        self.ends.append({"node": node.number, "code": code, "time": now,
                          "excuse": self.excused(node.number, now)})
        self.log.write("ended", {"nodes": [node.number], "code": code})

    def notice_ends(self):
        """Books nodes that ended by themselves. Returns their numbers."""
        found = []
        with self.lock:
            for node in list(self.nodes.values()):
                if node.process is not None and node.process.poll() is not None:
                    self.note_end(node, node.process.returncode)
                    node.process = None
                    found.append(node.number)
        return found

    def give_up(self, number, why):
        """The node's data is damaged and it refuses to start: right so, and it stays down."""
        self.nodes[number].given_up = why
        self.log.write("given-up", {"nodes": [number], "why": why})

    def remaining(self):
        """Numbers of the nodes that the final checks are about."""
        return [n for n, node in self.nodes.items() if not node.given_up and not node.removed]

    def stop(self, seconds=60):
        """All at once by SIGTERM; an end that is not in order is noted."""
        self.notice_ends()
        processes = {n: node.process for n, node in self.nodes.items() if node.alive()}
        for number, process in processes.items():
            self.resume(number)
            process.terminate()
        limit = time.monotonic() + seconds
        for number, process in processes.items():
            try:
                code = process.wait(max(0.1, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = "stuck"
            self.nodes[number].process = None
            if code != 0:
                self.note_end(self.nodes[number], code)

    # --- questions ------------------------------------------------------------------------------

    def http(self, number, path, timeout=1.0):
        """(status, body); OSError while nobody answers."""
        connection = http.client.HTTPConnection("localhost", timeout=timeout)
        connection.sock = self.net.connect(number, timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except http.client.HTTPException as error:
            raise OSError(f"no answer: {error}") from error
        finally:
            connection.close()

    def ready(self, number):
        try:
            return self.http(number, "/readyz")[0] == 200
        except OSError:
            return False

    def wait_ready(self, seconds):
        """At the start, when there is no excuse for anybody."""
        def all_ready():
            self.notice_ends()
            if self.ends:
                raise Failure(f"node {self.ends[-1]['node']} ended with {self.ends[-1]['code']} "
                              "at its start")
            return all(self.ready(n) for n in self.nodes)
        wait_for("all nodes being ready", seconds, all_ready, 0.05)

    def health(self):
        """swarmctl health as a dict; None while it cannot be asked."""
        _, text = self.ctl("-o", "json", "health", seconds=20)
        try:
            return json.loads(text)
        except ValueError:
            return None

    def remove_data(self):
        """Everything of the nodes: keys, logs, state."""
        shutil.rmtree(self.folder, ignore_errors=True)
