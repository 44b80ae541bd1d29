"""kvdiff diagnose as a user runs it: exit codes, reports, the schema, the reproducing line."""

import json
import tempfile
import unittest
from pathlib import Path

import jsonschema
from program import NOTHING_TO_DO, PASSED, USAGE, kvdiff, shell, tiny_model

INVALID, INCONCLUSIVE = 8, 7
SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "reports" / "diagnosis.schema.json").read_text())


class Diagnoses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        cls.model = tiny_model(cls.folder / "tiny")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def diagnose(self, cache, *more, tokens=40):
        return kvdiff("diagnose", "--model", self.model, "--prompt", "The cat sat on the mat.", "--ignore-eos", "--tokens", str(tokens),
                      "--cache", cache, *more, folder=self.folder)

    def value(self, cache, code, *more, tokens=40):
        done = self.diagnose(cache, "--quiet", "--report", "json", *more, tokens=tokens)
        self.assertEqual(done.returncode, code, done.stderr)
        value = json.loads(done.stdout)
        problems = [f"{e.json_path}: {e.message[:200]}" for e in jsonschema.Draft202012Validator(SCHEMA).iter_errors(value)]
        self.assertEqual(problems, [])
        self.assertEqual(value["exit_code"], code)
        self.assertEqual(len(value["questions"]), 4)
        return value

    def test_the_schema_is_one_and_refuses_other_keys(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        value = self.value("hqq:bits=2,group=16", PASSED)
        for broken in ({**value, "more": 1}, {key: item for key, item in value.items() if key != "place"}, {**value, "finding": "guilty"}):
            self.assertTrue(list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(broken)))

    def test_a_divergence_has_place_cause_and_cure(self):
        value = self.value("hqq:bits=2,group=16,residual=4", PASSED)
        self.assertIn(value["finding"], ("found", "diffuse"))
        self.assertGreaterEqual(value["place"]["set"]["recovery"], 0.8)
        self.assertTrue(value["remedies"])
        self.assertTrue(all(check["sound"] for check in value["handling"]))

    def test_further_prompts_are_asked_about_the_same_set(self):
        value = self.value("hqq:bits=2,group=16,residual=4", PASSED, "--also-prompt", "The sea", "--also-prompt", "Name three rivers")
        found = value["further_prompts"]
        self.assertEqual([one["text"] for one in found["prompts"]], ["The sea", "Name three rivers"])
        self.assertEqual(found["held"], sum((one["recovery"] or 0) >= found["target"] for one in found["prompts"]))
        self.assertIn("--also-prompt 'The sea' --also-prompt 'Name three rivers'", value["reproduce"])
        self.assertNotIn("further_prompts", self.value("hqq:bits=2,group=16,residual=4", PASSED))

    def test_the_first_flip_adds_up(self):
        flip = self.value("hqq:bits=2,group=16,residual=4", PASSED)["first_flip"]
        self.assertEqual(flip["reason"], "")
        self.assertGreater(flip["reference_gap"], 0)
        self.assertLessEqual(flip["candidate_gap"], 0)
        self.assertEqual(flip["change"], flip["reference_gap"] - flip["candidate_gap"])
        self.assertAlmostEqual(flip["exempt_sum"], sum(share["exempt"] for share in flip["shares"]))
        self.assertEqual(len(flip["shares"]), 4)
        self.assertNotEqual(flip["reference"]["id"], flip["candidate"]["id"])
        self.assertIn("The gap between the two tokens", flip["account"])

    def test_floors_interval_tokens_and_restored(self):
        value = self.value("hqq:bits=2,group=16,residual=4", PASSED)
        arithmetic = value["arithmetic"]
        self.assertTrue(arithmetic["control_exact"])
        if arithmetic["measured"]:
            self.assertEqual(arithmetic["steps"], value["window"]["steps"])
            self.assertLess(arithmetic["floor"], arithmetic["candidate"] / 100)
            self.assertIn(value["first_flip"]["near_tie"], ("yes", "no"))
        else:
            self.assertIn("torch", arithmetic["reason"])
            self.assertEqual(value["first_flip"]["near_tie"], "unknown")
        interval = value["interval"]["set"]
        self.assertLessEqual(interval["low"], value["place"]["set"]["recovery"])
        self.assertGreaterEqual(interval["high"], value["place"]["set"]["recovery"])
        self.assertTrue({"the first token", "the prompt (flush 0)", "flush 1"} <= {one["name"] for one in value["tokens"]["scores"]})
        self.assertTrue(all(one["restored"] is not None for one in value["restored"]))

    def test_the_reproducing_line_gives_the_same_bytes(self):
        first = self.diagnose("int4", "--quiet", "--report", "json", "--budget", "60")
        again = shell(json.loads(first.stdout)["reproduce"] + " --quiet --report json --threads 1", folder=self.folder)
        self.assertEqual(first.stdout, again.stdout)

    def test_a_time_becomes_trials_that_are_recorded(self):
        value = self.value("hqq:bits=2,group=16", PASSED, "--budget", "2m")
        self.assertGreater(value["budget"]["trials"], 40)
        self.assertIn(f"--budget {value['budget']['trials']}", value["reproduce"])

    def test_the_first_lines_are_the_verdict_and_the_four_questions(self):
        lines = self.diagnose("hqq:bits=2,group=16,residual=4").stdout.splitlines()
        self.assertRegex(lines[0], "^(FOUND|DIFFUSE)  ")
        text = "\n".join(lines)
        parts = ("1.  Does disabling", "2.  Is cache handling", "3.  Is a gentler", "4.  Which", "\nplace ", "\ncause ", "\ncure ", "\nfloors ",
                 "\nTHE STEP AT WHICH THE TEXT PARTS", "\nHOW MUCH ERROR THE TOKENS HOLD", "\nWHAT HEALING TOKENS DOES")
        places = [text.index(part) for part in parts]
        self.assertEqual(places, sorted(places))
        self.assertNotIn("\x1b", text)

    def test_every_flush_of_every_lane_is_told(self):
        value = self.value("hqq:bits=2,group=16,residual=4", PASSED)
        lanes = value["flushes"]["lanes"]
        self.assertEqual([lane["name"] for lane in lanes], [lane["name"] for lane in value["lanes"][1:]])
        self.assertEqual([flush["step"] for flush in lanes[0]["flushes"]], list(range(0, 40, 4)))
        self.assertTrue(lanes[0]["encodes_again"])
        for count, flush in enumerate(lanes[0]["flushes"]):
            self.assertEqual([side["side"] for side in flush["sides"]], ["key", "value"])
            for side in flush["sides"]:
                self.assertEqual(side["most_times"], count + 1)
                self.assertGreater(side["one_shot_error"], 0)
        self.assertIsNotNone(value["flushes"]["requantization"]["recovery"])
        once = next(lane for lane in lanes if lane["name"] == "int8")
        self.assertFalse(once["encodes_again"])

    def test_errors_are_told_by_layer_head_and_step(self):
        value = self.value("hqq:bits=2,group=16,residual=4", PASSED)
        layers = value["errors"]["layers"]
        self.assertEqual([layer["layer"] for layer in layers], list(range(value["model"]["layers"])))
        self.assertTrue(all(layer["output_born"] > 0 and layer["hidden"] > 0 for layer in layers))
        self.assertTrue(all(len(side["by_head"]) == value["model"]["kv_heads"] for layer in layers for side in layer["sides"]))
        self.assertEqual([(one["mode"], one["stage"]) for one in value["error_maps"]], [("local", "attention_output"), ("forced", "hidden")])
        self.assertEqual([one["name"] for one in value["token_ranges"]], ["sinks", "prompt", "generated"])

    def test_sections_for_the_terminal(self):
        text = self.diagnose("hqq:bits=2,group=16,residual=4").stdout
        titles = ["WHERE THE ERROR IS MADE", "HOW MUCH ERROR THE TOKENS HOLD", "WHAT HEALING TOKENS DOES", "CODES, ON ", "FLUSHES", "ERROR BY LAYER AND STEP", "REMEDIES TRIED"]
        places = [text.index("\n" + title) for title in titles]
        self.assertEqual(places, sorted(places))
        self.assertIn("Cost of encoding again", text)
        once = self.diagnose("int4").stdout
        self.assertIn("no token is encoded twice", once)

    def test_markdown_pastes_into_a_ticket(self):
        text = self.diagnose("hqq:bits=2,group=16,residual=4", "--quiet", "--report", "markdown").stdout
        self.assertTrue(text.startswith("**kvdiff diagnose: "))
        self.assertIn("| remedy | cache |", text)
        for part in ("**The first flip.**", "| logits of that step |", "| change of the gap by |", "exempt, recovers", "floors: "):
            self.assertIn(part, text)
        self.assertIn("| step | tokens | times |", text)
        self.assertIn("Error by layer and step:\n\n```\n", text)

    def test_nothing_to_explain(self):
        value = self.value("hqq:bits=8,group=16,residual=4", NOTHING_TO_DO, tokens=6)
        self.assertEqual(value["finding"], "nothing")
        self.assertIn("largest difference", value["headline"])
        self.assertEqual(value["first_flip"]["step"], None)

    def test_codes_that_nobody_read_are_invalid(self):
        self.assertEqual(self.value("hqq:bits=2,group=16,schedule=streaming,residual=128", INVALID, tokens=6)["finding"], "invalid")

    def test_a_small_budget_is_partial(self):
        value = self.value("hqq:bits=2,group=16,residual=4", INCONCLUSIVE, "--budget", "3")
        self.assertEqual(value["finding"], "partial")
        self.assertTrue(value["left_to_try"])

    def test_a_planted_fault_is_placed_and_named(self):
        value = self.value("hqq:bits=4,group=16,residual=4", PASSED, "--fault", "scale.factor,layer=1,side=value,update=3,strength=0.5")
        found = value["conformance"]
        self.assertFalse(found["conforms"])
        self.assertEqual((found["cause"], value["cause"]["name"]), ("scale or zero",) * 2)
        self.assertEqual([(one["layer"], one["side"], one["first_update"]) for one in found["parts"]], [(1, "value", 3)])
        self.assertIn("--fault scale.factor,layer=1", value["reproduce"])
        for wrong in ("scale.facto", "scale.factor,layer=99", "scale.factor,strength=nan", "scale.factor,update=-5", "rope.twice,side=value"):
            done = self.diagnose("hqq:bits=4,group=16", "--fault", wrong)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (USAGE, "", 1), done.stderr)

    def test_usage(self):
        for more in (["--cache", "int8"], ["--budget", "soon"], ["--budget", "0"], ["--report", "nonsense"], ["--mode", "local"]):
            done = self.diagnose("int4", *more)
            self.assertEqual(done.returncode, USAGE, (more, done.stdout, done.stderr))
        self.assertEqual(self.diagnose("full").returncode, USAGE)
        self.assertEqual(self.diagnose("hqq:bits=5").returncode, USAGE)


if __name__ == "__main__":
    unittest.main()
