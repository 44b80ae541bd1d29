"""The gate on what kernels take of a GPU: does it see what is wrong? And occupancy, against figures worked by hand."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import resources
from occupancy import LIMITS, occupancy

KERNELS = [resources.Kernel("Rope", "rope", 128, "Rope"), resources.Kernel("EmbedFloat16", "embed", 128, "Embed<StoredFloat16>")]
SYMBOLS = {"Rope": "_ZN6kvdiff6device12_GLOBAL__N_15enterINS0_6on_gpu4RopeEEEvNT_9ArgumentsE",
           "EmbedFloat16": "_ZN6kvdiff6device12_GLOBAL__N_15enterINS0_6on_gpu5EmbedINS3_13StoredFloat16EEEEEvNT_9ArgumentsE"}


def entry(row, architecture="sm_80", registers=40, stack=0, stores=0, shared=0):
    smem = f", {shared} bytes smem" if shared else ""
    return (f"ptxas info    : Compiling entry function '{SYMBOLS[row]}' for '{architecture}'\n"
            f"ptxas info    : Function properties for {SYMBOLS[row]}\n"
            f"    {stack} bytes stack frame, {stores} bytes spill stores, {stores} bytes spill loads\n"
            f"ptxas info    : Used {registers} registers, used 1 barriers{smem}, 528 bytes cmem[0]\n"
            "ptxas info    : Compile time = 89.291 ms\n")


def log(*entries, version="13.0.88"):
    return f"nvcc {version}\nptxas info    : 0 bytes gmem\n" + "".join(entries)


SOUND = log(entry("Rope"), entry("EmbedFloat16", registers=20, shared=512))


class Budget(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.budget = Path(folder.name) / "budget.txt"
        self.assertEqual(self.accept(SOUND), [])

    def quietly(self, function, *arguments):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            return function(*arguments, self.budget), output.getvalue()

    def accept(self, text):
        return self.quietly(resources.accept, text, KERNELS)[0]

    def compare(self, text, kernels=KERNELS):
        return self.quietly(resources.compare, text, kernels)[0]

    def test_what_was_accepted_is_within_the_budget(self):
        self.assertEqual(self.compare(SOUND), [])
        version, budget = resources.read_budget(self.budget)
        self.assertEqual(version, "13.0.88")
        self.assertEqual(budget, {("Rope", "sm_80"): (40, 0, 0, 0), ("EmbedFloat16", "sm_80"): (20, 512, 0, 0)})

    def test_one_register_more_is_too_much_and_one_less_is_not(self):
        for registers, wrong in ((41, ["Rope sm_80: 41 registers, the budget is 40"]), (39, [])):
            self.assertEqual(self.compare(log(entry("Rope", registers=registers), entry("EmbedFloat16", registers=20, shared=512))), wrong)

    def test_more_shared_memory_is_too_much(self):
        wrong = self.compare(log(entry("Rope", shared=8), entry("EmbedFloat16", registers=20, shared=512)))
        self.assertEqual(wrong, ["Rope sm_80: 8 bytes of shared memory, the budget is 0"])

    def test_a_spill_or_a_stack_is_wrong_and_is_not_accepted(self):
        before = self.budget.read_text()
        for fault, told in (({"stores": 4}, "8 bytes of spilled registers"), ({"stack": 16}, "a stack of 16 bytes")):
            text = log(entry("Rope", **fault), entry("EmbedFloat16", registers=20, shared=512))
            self.assertEqual(self.compare(text), [f"Rope sm_80: {told}"])
            self.assertEqual(self.accept(text), [f"Rope sm_80: {told}"])
        self.assertEqual(self.budget.read_text(), before)

    def test_another_release_of_nvcc_is_held_to_spills_alone(self):
        other = log(entry("Rope", registers=50), entry("EmbedFloat16", stores=4), version="13.1.10")
        self.assertEqual(self.compare(other), ["EmbedFloat16 sm_80: 8 bytes of spilled registers"])
        self.assertIn("registers are not compared", self.quietly(resources.compare, other, KERNELS)[1])

    def test_a_kernel_without_a_row_and_a_row_without_a_kernel_are_told(self):
        both = log(entry("Rope"), entry("EmbedFloat16"), entry("Rope", "sm_90"), entry("EmbedFloat16", "sm_90"))
        self.assertEqual(self.compare(both)[:2], [f"{row} sm_90: not in the budget" for row in ("Rope", "EmbedFloat16")])
        self.assertEqual(self.compare(log(entry("Rope")), KERNELS[:1]), ["EmbedFloat16: in the budget, but not in list.h"])

    def test_accepting_one_architecture_keeps_the_others(self):
        self.accept(log(entry("Rope", "sm_90", registers=30), entry("EmbedFloat16", "sm_90")))
        self.assertEqual(sorted(resources.read_budget(self.budget)[1]), [
            (row, architecture) for row in ("EmbedFloat16", "Rope") for architecture in ("sm_80", "sm_90")])
        self.assertEqual(self.compare(SOUND), [])


class Log(unittest.TestCase):
    def refused(self, text, told, kernels=KERNELS):
        with self.assertRaisesRegex(ValueError, told):
            resources.read_log(text, kernels)

    def test_a_kernel_that_the_log_lacks(self):
        self.refused(log(entry("Rope")), "nothing of EmbedFloat16 sm_80")
        self.refused(log(), "nothing of any kernel")

    def test_a_kernel_that_is_not_in_the_list(self):
        self.refused(SOUND, "is no row of list.h", KERNELS[:1])

    def test_a_log_that_was_cut_or_mixed(self):
        first, second = entry("Rope").splitlines(True), entry("EmbedFloat16").splitlines(True)
        self.refused(log(entry("EmbedFloat16"), *first[:3]), "not whole")
        self.refused(log(first[0], second[0], *first[1:], *second[1:]), "not whole")
        self.refused(SOUND.split("\n", 1)[1], "not whole")


class ByHand(unittest.TestCase):
    def test_threads_registers_blocks_and_shared_memory_each_may_be_the_bound(self):
        for arguments, blocks, fraction in (
                (("sm_80", 32, 256, 0), 8, 1),  # 64 warps / 8
                (("sm_80", 33, 256, 0), 6, 0.75),  # 1056 registers of a warp become 1280: 12 warps in each part, 48 / 8
                (("sm_80", 128, 256, 0), 2, 0.25),  # 4 warps in each part, 16 / 8
                (("sm_80", 16, 32, 0), 32, 0.5),  # 32 blocks of one warp
                (("sm_86", 40, 128, 0), 12, 1),  # 48 warps / 4, and 48 by registers
                (("sm_75", 64, 128, 0), 8, 1),
                (("sm_80", 32, 256, 48 * 1024), 3, 0.375),  # 164 / (48 + 1)
                (("sm_75", 32, 128, 17 * 1024), 3, 0.375)):  # 64 / 17
            held = occupancy(*arguments)
            self.assertEqual((held.blocks, held.fraction), (blocks, fraction), arguments)

    def test_shared_up_to_is_the_last_byte_that_costs_nothing(self):
        for architecture in LIMITS:
            for registers in (16, 40, 70, 128, 255):
                for threads in (32, 64, 128, 256):
                    held = occupancy(architecture, registers, threads, 0)
                    self.assertEqual(occupancy(architecture, registers, threads, held.shared_up_to).blocks, held.blocks)
                    if held.shared_up_to < 48 * 1024:
                        self.assertLess(occupancy(architecture, registers, threads, held.shared_up_to + 1).blocks, held.blocks)


if __name__ == "__main__":
    unittest.main()
