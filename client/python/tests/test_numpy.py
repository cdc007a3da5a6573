"""NumPy arrays in and out, without copies; the package itself needs no NumPy."""
import subprocess
import sys
import unittest

import numpy as np

import kit
from swarmstore import DType, Metric, Search, _request, errors, vectors
from swarmstore._swarm import ffi

DIM = 32
COUNT = 400


class Buffers(unittest.TestCase):
    def test_an_array_is_read_where_it_is(self):
        matrix = np.arange(3 * DIM, dtype=np.float32).reshape(3, DIM)
        for row in (matrix[1], matrix[1].astype(np.float16), matrix[1].astype(np.int8)):
            self.assertIs(vectors.vector_buffer(row), row)
        with self.assertRaises(BufferError):  # not moved while libswarm's struct points to it
            held, kept = bytearray(4 * DIM), _request.Kept()
            kept.point(ffi.new("struct swarm_slice *"), held)
            held.append(0)

    def test_numbers_that_do_not_stand_side_by_side_are_gathered(self):
        matrix = np.arange(3 * DIM, dtype=np.float16).reshape(DIM, 3)
        self.assertEqual(bytes(vectors.vector_buffer(matrix[:, 1])), matrix[:, 1].tobytes())

    def test_other_numbers_are_refused(self):
        for dtype in (np.float64, np.int32, np.uint16, np.dtype(">f4")):
            with self.assertRaisesRegex(TypeError, "astype"):
                vectors.vector_buffer(np.zeros(DIM, dtype))
        with self.assertRaisesRegex(TypeError, "F16"):
            vectors.vector_buffer(np.zeros(DIM, np.float32), DType.F16)

    def test_the_package_does_not_import_it(self):
        subprocess.run([sys.executable, "-c", "import sys, swarmstore; assert 'numpy' not in "
                        "sys.modules"], check=True)


class Arrays(kit.Case):
    def setUp(self):
        super().setUp()
        dice = np.random.default_rng(7)
        self.matrix = dice.standard_normal((COUNT, DIM)).astype(np.float32)
        self.questions = dice.standard_normal((20, DIM)).astype(np.float32)

    def filled(self, dtype, cast):
        index = self.store.index(dtype.name)
        index.create(DIM, metric=Metric.COSINE, dtype=dtype)
        headers = index.put_many((f"{dtype.name}/{i}" for i in range(COUNT)), cast(self.matrix),
                                 (b"%d" % i for i in range(COUNT)))
        self.assertEqual(len({header.revision for header in headers}), COUNT)
        return index

    def check(self, dtype, cast):
        index = self.filled(dtype, cast)
        found = index.search_many(cast(self.questions), Search(k=5, recall=1.0))
        rows, questions = (cast(a).astype(np.float64) for a in (self.matrix, self.questions))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        questions /= np.linalg.norm(questions, axis=1, keepdims=True)
        wanted = 1 - np.sort(questions @ rows.T, axis=1)[:, ::-1][:, :5]
        distances = np.array([one.distances for one in found])
        np.testing.assert_allclose(distances, wanted, atol=2e-3)
        self.assertEqual(np.asarray(found[0].distances).dtype, np.float64)
        self.assertIn("certificate", dir(found[0]))

    def test_f32(self):
        self.check(DType.F32, lambda a: a)

    def test_f16(self):
        self.check(DType.F16, lambda a: a.astype(np.float16))

    def test_i8(self):
        self.check(DType.I8, lambda a: np.clip(np.round(a * 40), -127, 127).astype(np.int8))

    def test_lists_become_the_numbers_of_the_index(self):
        index = self.filled(DType.F16, lambda a: a.astype(np.float16))
        hit = index.search(self.matrix[3].tolist(), 1, recall=1.0)[0]
        self.assertEqual(hit.record.value, b"3")
        again = self.store.index("F16", DType.F16)
        with self.assertRaises(TypeError):
            again.search(self.matrix[3])
        self.assertEqual(again.search(self.matrix[3].astype(np.float16), 1)[0].record.value, b"3")

    def test_one_bad_row_of_many(self):
        index = self.store.index("i")
        index.create(DIM)
        self.matrix[17, 3] = np.nan
        with self.assertRaises(errors.SwarmError) as caught:
            index.put_many(map(str, range(COUNT)), self.matrix)
        notes = " ".join(caught.exception.__notes__)
        self.assertIn("number 17 ", notes)
        with self.assertRaises(errors.DimensionError):
            index.search_many(self.questions[:, :16])

    def test_a_value_is_an_array(self):
        weights = self.matrix.astype(np.float16)
        self.store.put("weights", weights)
        found = np.frombuffer(self.store.get_view("weights"), np.float16).reshape(weights.shape)
        np.testing.assert_array_equal(found, weights)
        self.assertFalse(found.flags.owndata)
        room = np.empty_like(weights)
        self.assertEqual(self.store.get_into("weights", room), weights.nbytes)
        np.testing.assert_array_equal(room, weights)

    def test_tokens_of_a_context(self):
        with self.open(ordered=True) as store:
            context = store.context("c")
            context.create()
            tokens = np.random.default_rng(1).integers(0, 2**32, 5000, dtype=np.uint32)
            self.assertEqual(context.append_tokens(tokens), 5)
            block = context.locate(4500)
            found = np.frombuffer(block.content, np.uint32)
            np.testing.assert_array_equal(found, tokens[block.token:block.end])
            self.assertFalse(found.flags.owndata)


class Awaited(kit.AsyncCase):
    async def test_many(self):
        index = self.store.index("i", DType.F32)
        await index.acreate(DIM)
        matrix = np.eye(DIM, dtype=np.float32)
        headers = await index.aput_many(map(str, range(DIM)), matrix)
        self.assertEqual(len(headers), DIM)
        found = await index.asearch_many(matrix, Search(k=1, recall=1.0))
        self.assertEqual([int(one[0].record.key) for one in found], list(range(DIM)))
        with self.assertRaises(errors.DimensionError):
            await index.aput_many(["a", "b"], [matrix[0], matrix[0][:16]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
