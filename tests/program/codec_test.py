"""kvdiff codec: files in, files out, exit codes."""

import json
import struct
import tempfile
import unittest
from pathlib import Path

import numpy
from program import kvdiff
from safetensors.numpy import load_file, save_file

RANDOM = numpy.random.default_rng(5)


class Codec(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.x = RANDOM.standard_normal((1, 3, 8, 64)).astype(numpy.float16)
        save_file({"x": self.x, "flat": self.x.reshape(3, -1), "vector": self.x.reshape(-1)}, self.folder / "in.safetensors")

    def run_codec(self, spec, *more):
        return kvdiff("codec", spec, "in.safetensors", "out.safetensors", *more, folder=self.folder)

    def test_dequantized_is_codes_less_zero_times_scale(self):
        done = self.run_codec("hqq:bits=4,group=64,axis=1")
        self.assertEqual(done.returncode, 0, done.stderr)
        out = load_file(self.folder / "out.safetensors")
        self.assertEqual({name: str(value.dtype) for name, value in out.items()},
                         {"codes": "int32", "packed": "uint8", "scale": "float32", "zero": "float32", "dequantized": "float16"})
        self.assertEqual(out["codes"].shape, self.x.shape)
        self.assertEqual(out["packed"].size, self.x.size // 2)
        codes = out["codes"].reshape(-1, 64).astype(numpy.float16)
        zero, scale = out["zero"].astype(numpy.float16)[:, None], out["scale"].astype(numpy.float16)[:, None]
        self.assertTrue(numpy.array_equal(((codes - zero) * scale).reshape(self.x.shape), out["dequantized"]))
        self.assertIn("16 of 16 codes used", done.stdout)

    def test_a_dumped_history_needs_its_head_size(self):
        self.assertEqual(self.run_codec("int8", "--tensor", "flat", "--head-size", "64").returncode, 0)
        flat = load_file(self.folder / "out.safetensors")["dequantized"]
        self.assertEqual(self.run_codec("int8").returncode, 0)
        whole = load_file(self.folder / "out.safetensors")["dequantized"]
        self.assertTrue(numpy.array_equal(flat, whole))
        refused = self.run_codec("int8", "--tensor", "flat")
        self.assertEqual(refused.returncode, 3)
        self.assertIn("--head-size", refused.stderr)

    def test_sides_that_differ_must_be_chosen_between(self):
        spec = "k=int8/v=hqq:bits=4"
        self.assertEqual(self.run_codec(spec).returncode, 2)
        self.assertEqual(self.run_codec(spec, "--side", "value").returncode, 0)

    def test_mistakes_have_their_codes_and_leave_no_file(self):
        for code, arguments in ((2, ("full",)), (2, ("hqq:bits=5",)), (2, ("hqq+0@int8",)), (3, ("int8", "--tensor", "y")),
                                (3, ("int8", "--tensor", "vector")), (2, ("hqq:group=100",))):
            with self.subTest(arguments):
                done = self.run_codec(*arguments)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertFalse((self.folder / "out.safetensors").exists())
        missing = kvdiff("codec", "int8", "none.safetensors", "out.safetensors", folder=self.folder)
        self.assertEqual(missing.returncode, 3, missing.stderr)
        header = json.dumps({"x": {"dtype": "I64", "shape": [1, 1, 1, 1], "data_offsets": [0, 8]}}).encode()
        (self.folder / "in.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
        self.assertEqual(self.run_codec("int8").returncode, 3)


if __name__ == "__main__":
    unittest.main()
