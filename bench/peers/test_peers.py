"""Unit tests of the comparison's arithmetic: python3 test_peers.py, in its virtual environment."""
import unittest

import numpy
from onnx import TensorProto, helper

import agreement
import cases
import report
import stats


class Stats(unittest.TestCase):
    def test_percentile_is_nearest_rank(self):
        values = list(range(100, 0, -1))
        self.assertEqual(stats.percentile(values, 0.99), 99)
        self.assertEqual(stats.percentile(values, 0), 1)
        self.assertEqual(stats.percentile([7], 0.99), 7)

    def test_median(self):
        self.assertEqual(stats.median([3, 1, 2]), 2)
        self.assertEqual(stats.median([4, 1, 2, 3]), 2.5)

    def test_geometric_mean(self):
        self.assertAlmostEqual(stats.geometric_mean([0.5, 2]), 1)
        self.assertIsNone(stats.geometric_mean([]))

    def test_a_slow_round_of_both_leaves_the_ratio(self):
        ratio = stats.ratio_of_rounds([[20], [60], [20]], [[10], [30], [10]])
        self.assertEqual((ratio.value, ratio.low, ratio.high), (2, 2, 2))


class Agreement(unittest.TestCase):
    def differ(self, a, b, precision="f32"):
        return agreement.difference(numpy.asarray(a), numpy.asarray(b), precision)

    def test_tolerance_follows_the_largest_element(self):
        self.assertIsNone(self.differ([1000.0, 0.9], [1000.0, 0.0]))
        self.assertIsNotNone(self.differ([1000.0, 1.1], [1000.0, 0.0]))

    def test_shape(self):
        self.assertIn("shape", self.differ([[1.0]], [1.0]))

    def test_not_finite(self):
        self.assertIsNone(self.differ([numpy.nan, numpy.inf], [numpy.nan, numpy.inf]))
        self.assertIsNotNone(self.differ([1.0, numpy.nan], [1.0, 2.0]))
        self.assertIsNotNone(self.differ([numpy.inf], [-numpy.inf]))

    def test_integers_are_exact_unless_quantized(self):
        many = numpy.arange(100)
        other = many.copy()
        other[0] = 5
        self.assertIsNotNone(self.differ(other, many))
        self.assertIsNone(self.differ(other, many, "int8"))

    def test_int8_takes_the_same_top_1(self):
        self.assertIsNone(self.differ([[0.1, 0.5, 0.2]], [[0.4, 1.0, 0.2]], "int8"))
        self.assertIsNotNone(self.differ([[0.6, 0.5, 0.2]], [[0.4, 1.0, 0.2]], "int8"))

    def test_missing_output(self):
        one = numpy.ones(2)
        self.assertIsNone(agreement.outputs_differ({0: one}, {0: one}, "f32"))
        self.assertIsNotNone(agreement.outputs_differ({}, {0: one}, "f32"))


class MadeUpInputs(unittest.TestCase):
    def make(self, name, kind, shape, shapes={}):
        port = helper.make_tensor_value_info(name, kind, shape)
        return cases.made_up_input(port, shapes, numpy.random.default_rng(1))

    def test_open_axes_are_1_unless_given(self):
        self.assertEqual(self.make("x", TensorProto.FLOAT, ["n", 3]).shape, (1, 3))
        self.assertEqual(self.make("x", TensorProto.FLOAT, ["n", 3], {"x": [4, 3]}).shape, (4, 3))

    def test_ids_fit_any_table(self):
        ids = self.make("ids", TensorProto.INT64, [2, 50])
        self.assertEqual(set(ids.ravel()), {0, 1})
        self.assertTrue((self.make("attention_mask", TensorProto.INT64, [1, 9]) == 1).all())

    def test_strings_are_refused(self):
        with self.assertRaises(ValueError):
            self.make("text", TensorProto.STRING, [1])


class Report(unittest.TestCase):
    def test_pairs(self):
        def result(engine, times, runs=3, cold=10.0):
            return {"model": "m", "threads": 1, "precision": "f32", "engine": engine, "runs": runs,
                    "rounds_median_ms": times, "cold_ms": cold, "peak_mb": 5.0}

        rows = report.pairs([result("inlay", [1, 2, 1]), result("openvino", [2, 4, 2]),
                             result("ncnn", [], runs=0)])
        self.assertEqual([(r["engine"], r["ratio"]) for r in rows], [("openvino", 2)])
        summary = report.summarize(rows)[0]
        self.assertEqual((summary["ahead"], summary["prepared_cold_ratio"]), (1, None))

        rows = report.pairs([result("inlay", [1, 2, 1]), result("openvino", [2, 4, 2]),
                             result("inlay_prepared", [1, 2, 1], cold=2.0)])
        self.assertEqual(rows[0]["prepared_cold_ratio"], 5)


if __name__ == "__main__":
    unittest.main()
