"""What needs no swarm: neighbours of keys, exceptions, conditions, refusals."""
import asyncio
import base64
import pathlib
import pickle
import random
import tempfile
import unittest

import swarmstore
from swarmstore import _ranges, errors, key
from swarmstore._swarm import ffi, lib


class Ranges(unittest.TestCase):
    def test_neighbours_are_next_to_each_other(self):
        for name in (b"a", b"a\0", b"\xff", b"a\xff", b"x" * 256, b"x" * 255 + b"\xff"):
            above = _ranges.after(name)
            self.assertGreater(above, name)
            below = _ranges.before(name)
            self.assertLess(below, name)
            self.assertLessEqual(len(above), 256)
            self.assertLessEqual(len(below), 256)
            self.assertEqual(_ranges.after(below), name)

    def test_the_ends(self):
        self.assertIsNone(_ranges.after(b"\xff" * 256))
        self.assertIsNone(_ranges.before(b"\0"))
        self.assertIsNone(_ranges.prefix_end(b"\xff\xff"))
        self.assertEqual(_ranges.prefix_end(b"a\xff"), b"b")

    def test_a_prefix_is_a_range(self):
        dice = random.Random(7)
        names = [bytes(dice.choice(b"a\xfe\xff") for _ in range(dice.randint(1, 4)))
                 for _ in range(400)]
        for prefix in (b"a", b"\xff", b"a\xff", b"\xff\xff"):
            end = _ranges.prefix_end(prefix)
            inside = {n for n in names if n >= prefix and (end is None or n < end)}
            self.assertEqual(inside, {n for n in names if n.startswith(prefix)})

    def test_prefix_excludes_start(self):
        with self.assertRaises(ValueError):
            _ranges.bounds("a", "b", None)


class Errors(unittest.TestCase):
    def test_each_status_of_the_library_has_its_exception(self):
        names = ffi.typeof("enum swarm_status").relements
        self.assertEqual({name.removeprefix("SWARM_"): number for name, number in names.items()},
                         {status.name: status.value for status in errors.Status})
        for status in errors.Status:
            if status == errors.Status.OK:
                continue
            error = errors.error_of(status)
            self.assertEqual(error.status, status)
            self.assertEqual(error.text, ffi.string(lib.swarm_strerror(status)).decode())
            self.assertEqual(error.hint, ffi.string(lib.swarm_hint(status)).decode())
            self.assertEqual(error.retryable, lib.swarm_retryable(status))
            self.assertEqual(error.maybe_committed, lib.swarm_maybe_committed(status))
            self.assertEqual(error.retryable_not_committed,
                             lib.swarm_retryable_not_committed(status))

    def test_families_and_text(self):
        error = errors.error_of(6001, "ask node 2")
        self.assertIsInstance(error, errors.NotLeaderError)
        self.assertIsInstance(error, errors.ConsensusError)
        self.assertEqual(str(error), "PA-6001 NOT_LEADER: ask node 2")
        self.assertTrue(error.retryable_not_committed)
        self.assertTrue(errors.DeadlineError().maybe_committed)

    def test_a_number_of_a_newer_library_is_an_unknown_outcome(self):
        self.assertIsInstance(errors.error_of(999999), errors.UnknownOutcomeError)

    def test_they_cross_processes(self):
        error = errors.ConflictError("no", value=7, retry_after=0.5)
        error = pickle.loads(pickle.dumps(error))
        self.assertEqual((str(error), error.value, error.retry_after),
                         ("PA-3103 CONFLICT: no", 7, 0.5))


class Conditions(unittest.TestCase):
    def test_compares(self):
        compare = key("a").version >= 3
        self.assertEqual((compare.target, compare.relation, compare.key, compare.number),
                         (lib.SWARM_COMPARE_VERSION, lib.SWARM_GREATER_EQUAL, b"a", 3))
        compare = key(b"a").value != b"x"
        self.assertEqual((compare.relation, compare.value), (lib.SWARM_NOT_EQUAL, b"x"))

    def test_a_field_is_compared_with_its_own_kind(self):
        with self.assertRaises(TypeError):
            key("a").version == b"3"  # pylint: disable=expression-not-assigned
        with self.assertRaises(TypeError):
            key("a").value == 3  # pylint: disable=expression-not-assigned


class Embedded(unittest.TestCase):
    def test_what_was_written_is_there_after_opening_anew(self):
        with tempfile.TemporaryDirectory(prefix="swarm-test-") as folder:
            for i in range(3):
                with swarmstore.open(f"file:{folder}/data?partition=p") as store:
                    self.assertEqual(store.add("opened"), i + 1)
                    with self.assertRaises(errors.LockedError):
                        swarmstore.open(f"file:{folder}/data")


CONFIG = """[swarm]
id = 00112233445566778899aabbccddeeff
[client]
key_file = client.key
[nodes]
1 = 127.0.0.1:1, 0900000000000000000000000000000000000000000000000000000000000000
"""


class Closed(unittest.TestCase):
    """Against a port where nobody is."""

    def open(self, **options):
        folder = tempfile.TemporaryDirectory(prefix="swarm-test-")
        self.addCleanup(folder.cleanup)
        secret = base64.b64encode(bytes(range(32))).decode()
        path = pathlib.Path(folder.name)
        (path / "client.conf").write_text(CONFIG)
        (path / "client.key").write_text(f"swarm-key-v1 secret {secret}\n")
        (path / "client.key").chmod(0o600)
        return swarmstore.open(str(path / "client.conf"), **options)

    def test_no_settings(self):
        with self.assertRaises(errors.ConfigError) as caught:
            swarmstore.open("/nowhere/client.conf")
        self.assertIn("/nowhere/client.conf", str(caught.exception))

    def test_a_value_that_is_no_buffer_is_named(self):
        with self.open() as store:
            for value in ("text", 5, None):
                with self.assertRaisesRegex(TypeError, f"not {type(value).__name__}"):
                    store.put("a", value)

    def test_a_closed_client_refuses(self):
        store = self.open()
        self.assertEqual(list(store.nodes()), [1])
        store.close()
        store.close()
        with self.assertRaises(swarmstore.ClosedError):
            store.get("a")

    def test_nobody_there(self):
        with self.open(fail_when_down=True, timeout=2) as store:
            with self.assertRaises(errors.SwarmError) as caught:
                store.put("a", b"1")
        self.assertTrue(caught.exception.retryable)

    def test_a_sync_call_in_a_loop_is_refused(self):
        async def main():
            with self.open() as store:
                with self.assertRaises(swarmstore.SyncInLoopError):
                    store.get("a")
                with self.assertRaises(swarmstore.SyncInLoopError):
                    store.lock("a")

        asyncio.run(main())

    def test_close_ends_what_waits_in_a_loop(self):
        async def main():
            store = self.open(timeout=60)
            waiting = asyncio.ensure_future(store.aget("a"))
            await asyncio.sleep(0.05)
            await store.aclose()
            with self.assertRaises(errors.CancelledError):
                await waiting

        asyncio.run(main())

    def test_hostile_names_and_values(self):
        with self.open() as store:
            with self.assertRaises(errors.SwarmError):
                store.put("k" * 257, b"")
            with self.assertRaises(errors.SwarmError):
                store.put("k", bytes((1 << 20) + 1))
            with self.assertRaises(errors.SwarmError):
                store.at("with space").put("k", b"")
            with self.assertRaises(TypeError):
                store.put("k", "text")
            with self.assertRaises(OverflowError):
                store.cas("k", 1 << 64, b"")
            with self.assertRaises(ValueError):
                store.queue("")
            with self.assertRaises(ValueError):
                store.queue("q").put(b"", priority=256)


if __name__ == "__main__":
    unittest.main(verbosity=2)
