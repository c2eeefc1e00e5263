"""The numbers of a comparison."""
import math
from dataclasses import dataclass


def percentile(values, share):
    """Nearest rank: the smallest value with at least `share` of all at or below it."""
    ordered = sorted(values)
    return ordered[max(1, min(len(ordered), math.ceil(share * len(ordered)))) - 1]


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def geometric_mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else None


@dataclass
class Ratio:
    """How much longer one engine takes than another; spread: 10 % and 90 % of the rounds."""
    value: float
    low: float
    high: float


def ratio_of_rounds(rounds, base_rounds):
    """From lists of times per round. Both engines ran in each round, so what slows the machine for
    a while slows both."""
    ratios = [median(a) / median(b) for a, b in zip(rounds, base_rounds)]
    return Ratio(median(ratios), percentile(ratios, 0.1), percentile(ratios, 0.9))
