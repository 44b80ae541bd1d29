"""The corpus is what README.md says: labels follow from readings, halves from the hash, hard negatives are a third and more."""
import importlib.util
import json
import pathlib
import unittest

HERE = pathlib.Path(__file__).parent


def script(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_labels, compare_readings = script("make_labels"), script("compare_readings")


def lines(name):
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


class CorpusTest(unittest.TestCase):
    def setUp(self):
        self.labels = [line for infix in make_labels.INFIXES for line in lines(f"labels{infix}.jsonl")]
        self.texts = [line for infix in make_labels.INFIXES for line in lines(f"texts{infix}.jsonl") if "id" in line]

    def test_size_and_share_of_hard_negatives(self):
        self.assertGreaterEqual(len(self.labels), 220)
        for half in ("tuning", "held_out", "fresh", "more", "blind", "blind2", "blind3", "blind4"):
            of_half = [label for label in self.labels if label["half"] == half]
            self.assertGreaterEqual(len(of_half), 100)
            # The second set has fewer (README.md); all texts together have enough.
            self.assertGreaterEqual(sum(label["hard_negative"] for label in of_half), (0.2 if half == "fresh" else 0.3) * len(of_half))
        self.assertGreaterEqual(sum(label["hard_negative"] for label in self.labels), 0.3 * len(self.labels))
        for half in ("blind", "blind2", "blind3", "blind4"):
            blind = [label for label in self.labels if label["half"] == half]
            self.assertGreaterEqual(len(blind), 200)
            self.assertGreaterEqual(sum(label["right"][0]["kind"] != "none" for label in blind), 60)
        self.assertLess(sum(name.stat().st_size for name in HERE.glob("*.json*")), 4_200_000)

    def test_labels_and_halves_follow_from_the_readings_and_the_hash(self):
        self.assertEqual([label for infix in make_labels.INFIXES for label in make_labels.labels_of(infix)], self.labels)
        self.assertEqual(len({label["id"] for label in self.labels}), len(self.labels))

    def test_every_token_has_its_piece_and_its_score(self):
        for text in self.texts:
            self.assertEqual(len(text["tokens"]), len(text["pieces"]), text["id"])
            self.assertEqual(len(text["tokens"]), len(text["nll"]), text["id"])
        names = {text["id"] for text in self.texts}
        for text in self.texts:
            self.assertIn(text["prompt"] + " reference", names)

    def test_what_two_readings_differ_in(self):
        for one, other, what in (("none", "none plain", ""), ("none", "loop@#3", "kind"), ("?", "?", "kind"), ("?", "none", "kind"),
                                 ("loop@#3", "loop@#11", ""), ("loop@#3", "loop@#12", "onset"), ("loop@#3", "repetition@#3", "kind"),
                                 ("loop@#40|repetition@#5", "repetition@#9;word_salad@#90", ""), ("loop@#3;word_salad@#50", "word_salad@#50", "kind")):
            self.assertEqual(compare_readings.differ(one, other), what, (one, other))

    def test_two_readers_of_a_set_read_all_of_its_texts(self):
        names = {text["id"] for text in lines("texts.blind5.jsonl") if "id" in text}
        for reader in (1, 2):
            readings = json.loads((HERE / f"readings.blind5.reader{reader}.json").read_text(encoding="utf-8"))
            self.assertEqual(readings.keys(), names)


if __name__ == "__main__":
    unittest.main()
