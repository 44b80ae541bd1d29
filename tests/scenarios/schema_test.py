"""The schema file accepts what the program ships, and refuses what the program refuses."""

import json
import unittest
from pathlib import Path

try:
    import jsonschema
except ImportError:
    jsonschema = None

room = Path(__file__).resolve().parents[2] / "scenarios"


@unittest.skipIf(jsonschema is None, "jsonschema is not installed: ./x test has it")
class Schema(unittest.TestCase):
    def setUp(self):
        schema = json.loads((room / "scenario.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        self.validator = jsonschema.Draft202012Validator(schema)

    def test_shipped_scenarios_are_valid(self):
        files = sorted((room / "suites").glob("*.json"))
        self.assertGreaterEqual(len(files), 3)
        for file in files:
            self.assertEqual(list(self.validator.iter_errors(json.loads(file.read_text()))), [], file.name)

    def test_what_the_program_refuses_is_not_valid(self):
        for rest in [{"token": 5}, {"tokens": "5"}, {"tokens": 0}, {"tokens": 5.5}, {"ignore_eos": 1}, {"mode": "locale"},
                     {"cache": []}, {"cache": [{"bits": 4}]}, {"cache": [{"codec": "hqq", "bits": [0.5]}]},
                     {"cache": [{"codec": "hqq", "sides": "left"}]}, {"prompts": [{"chat": "a", "prompt": "b"}]},
                     {"prompts": [{"name": "a"}]}, {"prompts": [{"prompt": "a", "system": "b"}]}, {"limit": ["kld"]},
                     {"top_p": 0}, {"temperature": -1}]:
            self.assertFalse(self.validator.is_valid({"schema": "kvdiff.scenario/1", **rest}), rest)
        self.assertFalse(self.validator.is_valid({}))
        self.assertFalse(self.validator.is_valid({"schema": "kvdiff.scenario/2"}))


if __name__ == "__main__":
    unittest.main()
