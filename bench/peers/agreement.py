"""Whether two engines gave the same outputs."""
import numpy

TOLERANCE = {"f32": 1e-3, "f16": 1e-2, "int8": 0.1}
FLOOR = 1e-6  # what is left of a probability near 0 when it was rounded near 1
TEXT = {
    "f32": "|a-b| <= 0.001 |b| + 0.001 max|b| + 1e-6 for all elements",
    "f16": "|a-b| <= 0.01 |b| + 0.01 max|b| + 1e-6 for all elements",
    "int8": "|a-b| <= 0.1 |b| + 0.1 max|b| + 1e-6 for all elements, or the largest of the last axis "
            "at the same place in 95 % of rows; integers equal in 90 %",
}
SAME_ROWS = 0.95
SAME_INTEGERS = 0.9


def _numbers_differ(actual, expected, precision):
    a, b = actual.astype(numpy.float64), expected.astype(numpy.float64)
    finite = numpy.isfinite(a) & numpy.isfinite(b)
    special = ~finite & ~((a == b) | (numpy.isnan(a) & numpy.isnan(b)))
    if special.any():
        return f"{int(special.sum())} elements are finite in one engine only"
    if not finite.any():
        return None
    a, b = numpy.where(finite, a, 0), numpy.where(finite, b, 0)
    largest = numpy.abs(b).max()
    tolerance = TOLERANCE[precision]
    too_far = numpy.abs(a - b) > tolerance * (numpy.abs(b) + largest) + FLOOR
    if not too_far.any():
        return None
    if precision == "int8" and a.ndim and a.shape[-1] > 1:
        if (a.argmax(-1) == b.argmax(-1)).mean() >= SAME_ROWS:
            return None
    return (f"{int(too_far.sum())} of {a.size} elements differ, by up to "
            f"{numpy.abs(a - b).max():.3g} where the largest is {largest:.3g}")


def difference(actual, expected, precision):
    """None when the arrays agree, else what differs."""
    if actual.shape != expected.shape:
        return f"shape {list(actual.shape)}, not {list(expected.shape)}"
    if expected.size == 0:
        return None
    if expected.dtype.kind == "f" and actual.dtype.kind == "f":
        return _numbers_differ(actual, expected, precision)
    if expected.dtype.kind in "SUO":
        actual, expected = actual.astype(str), expected.astype(str)
    same = (actual == expected).mean()
    if same == 1 or precision == "int8" and same >= SAME_INTEGERS:
        return None
    return f"{100 * (1 - same):.2g} % of the elements differ"


def outputs_differ(actual, expected, precision):
    """The same for all outputs of a model: dicts of arrays by position."""
    if set(actual) != set(expected):
        return f"outputs {sorted(actual)} are tensors, not {sorted(expected)}"
    for i in sorted(expected):
        reason = difference(actual[i], expected[i], precision)
        if reason:
            return f"output {i}: {reason}"
    return None
