"""Exactly what happened: calls to a real swarm over connections that are cut at random bytes, each
unknown one resolved by outcome(session, seq), and the sum of all is the counter that the log made.

    test_outcome.py                 a few thousand calls, as ctest runs it
    test_outcome.py --calls 100000  as many as that
"""
import argparse
import asyncio
import random
import subprocess
import sys
import threading

from swarm_kit import BIN, swarm

CALLS, THREADS, SEED = 3000, 8, 1
CUT_BYTES = 20_000  # a connection carries about so many, each way taken together
LIMIT_S = 3600


class Cutter:
    """A relay before each node that ends each connection behind a random byte."""

    def __init__(self, ports, seed):
        self.ports, self.random = ports, random.Random(seed)
        self.listening, self.cuts = [], 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.listen(), self.loop).result()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    async def listen(self):
        for port in self.ports:
            server = await asyncio.start_server(
                lambda reader, writer, port=port: self.relay(reader, writer, port), "127.0.0.1", 0)
            self.listening.append(server.sockets[0].getsockname()[1])

    async def relay(self, reader, writer, port):
        """Both ways share one allowance; the last piece is cut where it ends."""
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        left = [int(self.random.expovariate(1 / CUT_BYTES)) + 1]
        ways = [asyncio.create_task(self.pump(reader, far_writer, left)),
                asyncio.create_task(self.pump(far_reader, writer, left))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        self.cuts += 1
        for way in ways:
            way.cancel()
        writer.close()
        far_writer.close()

    @staticmethod
    async def pump(reader, writer, left):
        try:
            while left[0] > 0:
                piece = await reader.read(65536)
                if not piece:
                    return
                piece = piece[:left[0]]
                left[0] -= len(piece)
                writer.write(piece)
                await writer.drain()
        except OSError:
            return


def run(calls, threads, seed):
    with swarm() as made:
        made.start()
        made.leader()
        with Cutter([node.client_port for node in made.nodes], seed) as cutter:
            ends = ",".join(f"{node.number}=127.0.0.1:{port}"
                            for node, port in zip(made.nodes, cutter.listening))
            done = subprocess.run(
                [BIN / "outcome_counter", made.client_config, ends, str(threads), str(calls),
                 str(seed)], capture_output=True, text=True, timeout=LIMIT_S, check=False)
            cuts = cutter.cuts
        print(f"{done.stdout.strip()} cuts {cuts}")
        if done.returncode != 0:
            sys.exit(f"exit code {done.returncode}: {done.stderr[-2000:]}")
        words = done.stdout.split()
        told = dict(zip(words[::2], map(int, words[1::2])))
        code, out, err = made.ctl("kv", "get", "sum", "--partition", "outcome")
        if code != 0 or int(out) != told["done"] + told["committed"]:
            sys.exit(f"the counter is {out.strip()}, not the sum of what was told: {told}; {err}")
        if told["calls"] != told["done"] + told["not_done"] + told["unknown"]:
            sys.exit(f"a call has no outcome, or two: {told}")
        if told["committed"] == 0 or told["not_committed"] == 0 or cuts < calls // 1000:
            sys.exit(f"too few were unknown to show anything: {told}, {cuts} cuts")
        print(f"the counter is {told['done'] + told['committed']}, as told")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    run(options.calls, options.threads, options.seed)


if __name__ == "__main__":
    main()
