"""The JSON Schema of kvdiff.report/1 against the golden reports, whole and broken in one place each."""

import copy
import json
import unittest
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
SCHEMA = json.loads((ROOT / "reports" / "report.schema.json").read_text())


def errors(report):
    return [f"{e.json_path}: {e.message[:200]}" for e in jsonschema.Draft202012Validator(SCHEMA).iter_errors(report)]


def load(name):
    return json.loads((GOLDEN / name).read_text())


def object_schemas(schema, path="#"):
    """All parts of the schema that describe an object with known keys, with their places."""
    if isinstance(schema, dict):
        if "additionalProperties" in schema and "properties" in schema:
            yield path, schema
        for key, item in schema.items():
            yield from object_schemas(item, f"{path}/{key}")
    elif isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from object_schemas(item, f"{path}/{index}")


class Schema(unittest.TestCase):
    def test_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_accepts_the_golden_reports(self):
        for name in ("report.json", "report-judged.json"):
            self.assertEqual(errors(load(name)), [], name)

    def broken(self, change):
        report = copy.deepcopy(self.report)
        change(report)
        return errors(report)

    def setUp(self):
        self.report = load("report-judged.json")
        self.report["lanes"] = self.report["lanes"][:5]

    def test_every_key_is_required_and_no_other_is_allowed(self):
        # With the golden reports, which hold every object, this makes the schema's keys those of the program.
        found = dict(object_schemas(SCHEMA))
        self.assertGreater(len(found), 35)
        for path, schema in found.items():
            keys = {key for key in schema["properties"] if not key.endswith("_reason")}
            self.assertEqual(set(schema["required"]), keys, path)
            self.assertIs(schema["additionalProperties"], False, path)

    def test_every_kind_of_object_is_in_the_golden_reports(self):
        text = (GOLDEN / "report.json").read_text() + (GOLDEN / "report-judged.json").read_text()
        for path, schema in object_schemas(SCHEMA):
            for key in schema["required"]:
                self.assertTrue(f'"{key}":' in text, f"{path}/{key}")

    def test_rejects_what_is_wrong(self):
        lane = self.report["lanes"][4]
        self.assertIsNotNone(lane["forced"])

        def at(*path, value):
            def change(report):
                place = report
                for step in path[:-1]:
                    place = place[step]
                place[path[-1]] = value
            return change

        wrong = {
            "schema": at("schema", value="kvdiff.report/2"),
            "exit code": at("exit_code", value=9),
            "status": at("lanes", 4, "status", value="fine"),
            "role": at("lanes", 4, "role", value="judge"),
            "stage": at("lanes", 4, "local", "layers", 0, "stages", 0, "stage", value="query"),
            "null without a reason": at("lanes", 4, "forced", "perplexity", "ratio", value=None),
            "reason without a null": at("lanes", 4, "forced", "perplexity", "ratio_reason", value="NaN"),
            "null in an array without a reason": at("lanes", 4, "forced", "kld", 3, value=None),
            "reasons without a null": at("lanes", 4, "forced", "kld_reason", value={"3": "NaN"}),
            "reasons of a heat map without a null": at("lanes", 4, "forced", "heat_maps", 0, "relative_l2", value=[[1.0]]),
            "figure of the wrong type": at("lanes", 4, "forced", "summary", "kld_mean", value="0.1"),
            "token below 0": at("prompt", "token_ids", 0, value=-1),
            "tokens that are no integers": at("lanes", 4, "free", "tokens", 0, value=1.5),
            "bytes below 0": at("lanes", 4, "bytes", "total", value=-1),
            "digest that is no hex": at("lanes", 4, "digests", "key", value="xyz"),
            "surplus key": at("surplus", value=1),
            "surplus key deep inside": at("lanes", 4, "receipt", "layers", 0, "key", "proof", "surplus", value=1),
            "mode": at("settings", "modes", 0, value="freely"),
        }
        for what, change in wrong.items():
            self.assertTrue(self.broken(change), what)
        self.assertTrue(self.broken(lambda report: report["lanes"][4].pop("forced")), "missing key")
        heat_map = self.report["lanes"][4]["forced"]["heat_maps"][0]
        self.assertIsNone(heat_map["relative_l2"][0][0])
        del heat_map["relative_l2_reason"]
        self.assertTrue(errors(self.report), "null in a heat map without a reason")


if __name__ == "__main__":
    unittest.main()
