"""What to do about a write that failed: three answers, none of them a list of error codes.

    python careful.py [URL]
"""
import sys
import tempfile
import time

import swarmstore
from swarmstore import SwarmError

PAUSE_S = 0.1


def write(store, name, value):
    """Until it is certain: True if it was written, False if it cannot be."""
    while True:
        try:
            store.put(name, value)
            return True
        except SwarmError as error:
            if error.retryable_not_committed:
                time.sleep(max(error.retry_after, PAUSE_S))  # it did not happen: again
            elif error.maybe_committed:
                if store.outcome(error).committed:  # it may have happened: ask
                    return True
            else:
                print(f"{error} ({error.hint or 'no hint'})")
                return False


def main():
    where = sys.argv[1] if len(sys.argv) > 1 else f"file:{tempfile.mkdtemp()}/data"
    with swarmstore.open(where, partition="careful") as store:
        print("written:", write(store, "a", b"1"))
        print("written:", write(store, "a", bytes(2 << 20)))


if __name__ == "__main__":
    main()
