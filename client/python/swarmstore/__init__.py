"""Swarmstore for Python: a consensus-replicated state store for fleets of agents.

    import swarmstore

    with swarmstore.open("client.conf", partition="memory") as store:
        store.put("greeting", b"hello, swarm")
        print(store.get("greeting").text)

Each operation has an awaitable twin whose name begins with `a`: `await store.aget("greeting")`.
"""
from swarmstore import errors
from swarmstore._native import ClosedError, SyncInLoopError
from swarmstore._reply import Durability, Header, Record
from swarmstore._request import Fresh
from swarmstore._swarm import ffi as _ffi
from swarmstore._swarm import lib as _lib
from swarmstore.client import Client, Fate, Snapshot, Written
from swarmstore.context import (Appended, Block, Blocks, Context, ContextInfo, Dedupe,
                                DuplicateBlockError, Gone, Policy, Pruned, Pruning)
from swarmstore.election import Election, Leadership
from swarmstore.errors import Outcome, Status, SwarmError
from swarmstore.lease import Ephemeral, Lease, LeaseInfo
from swarmstore.link import Link, Linked, Links
from swarmstore.lock import Lock
from swarmstore.memory import (AgentInfo, Memories, Memory, Part, Recall, Recalled, Remembered,
                               Settings, Source, Tier, Use)
from swarmstore.queue import Item, Queue
from swarmstore.txn import Compare, Merge, Txn, TxnResult, key
from swarmstore.vectors import (Condition, DType, Found, Hit, Index, Metric, NotNovelError, Search,
                                field)
from swarmstore.watch import Change, Watch

open = Client.open  # pylint: disable=redefined-builtin
__version__: str = _ffi.string(_lib.swarm_version()).decode()

__all__ = [
    "AgentInfo", "Appended", "Block", "Blocks", "Change", "Client", "ClosedError", "Compare",
    "Condition", "Context", "ContextInfo", "DType", "Dedupe", "DuplicateBlockError",
    "Durability", "Election", "Ephemeral", "Fate", "Found", "Fresh", "Gone", "Header", "Hit",
    "Index", "Item", "Leadership", "Lease", "LeaseInfo", "Link", "Linked", "Links", "Lock",
    "Memories", "Memory", "Merge", "Metric", "NotNovelError", "Outcome", "Part", "Policy",
    "Pruned", "Pruning", "Queue", "Recall", "Recalled", "Record", "Remembered", "Search",
    "Settings", "Snapshot", "Source", "Status", "SwarmError", "SyncInLoopError", "Tier", "Txn",
    "TxnResult", "Use", "Watch", "Written", "errors", "field", "key", "open",
]
