"""Agents that share one memory and one list of work: whoever dies leaves nothing undone.

    python agents.py [URL]

Each agent takes jobs from a queue, and writes its result in the same transaction that says that the
job is done: so each result is there exactly once, however often a job was delivered. One of the
agents is elected to write the summary.
"""
import asyncio
import sys
import tempfile

import swarmstore

AGENTS = 4
JOBS = 40


async def work(store, name):
    """Takes jobs until there are none for a while; one agent drops a job on its way."""
    done = dropped = 0
    async with store.queue("jobs", owner=name.encode(), ttl=1.0) as queue:
        while (job := await queue.atake(wait=1.5)) is not None:
            if name == "agent-2" and dropped == 0:
                await queue.aclose()  # as if it had died: the job comes back
                dropped += 1
                continue
            number = int(job.value)
            result = await job.done_in(
                store.txn().put(f"result/{number:03}", b"%d" % number**2)
                .add("sum", number**2)).arun()
            done += 1 if result.succeeded else 0
    return f"{name} did {done} jobs and dropped {dropped}"


async def summarize(store, name):
    """The first to be elected writes it; the others see that it is there."""
    async with await store.election("scribe").acampaign(name.encode(), ttl=5.0) as office:
        if await store.aget("summary") is None:
            count = len([record async for record in store.ascan("result/", keys_only=True)])
            text = f"{count} results, counted by {name}"
            await store.txn().when(office.held()).put("summary", text.encode()).arun()


async def main():
    where = sys.argv[1] if len(sys.argv) > 1 else f"file:{tempfile.mkdtemp()}/data"
    async with swarmstore.open(where, partition="agents") as store:
        jobs = store.queue("jobs")
        await asyncio.gather(*(jobs.aput(b"%d" % i) for i in range(JOBS)))
        names = [f"agent-{i}" for i in range(AGENTS)]
        for line in await asyncio.gather(*(work(store, name) for name in names)):
            print(line)
        await asyncio.gather(*(summarize(store, name) for name in names))
        total = await store.aget("sum")
        print((await store.aget("summary")).text)
        print("sum of squares:", total.text, "expected:", sum(i * i for i in range(JOBS)))


if __name__ == "__main__":
    asyncio.run(main())
