"""What `klrs compare` finds out about two sets of predictions.

`__main__.py` reads the files and `_report.py` puts the result into words. Both arrays may be
memory-mapped files larger than memory: klrs reads them where they are, and nothing here makes an
array with more than one entry per sample, except of the first samples, for the timing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import klrs
from klrs import logits
from klrs._race import Timing, js_distance_contenders, kl_contenders, race

Array = NDArray[Any]
Values = NDArray[np.float64]

# The peers make temporaries as large as their input, so a large file is timed on its first rows.
TIMED_BYTES = 64 * 2**20
SECONDS_PER_RACE = 1.0

BITS_PER_NAT = float(1 / np.log(2.0))


@dataclass(frozen=True)
class Verb:
    """A function of klrs applied to p, to q or to both in some order."""

    name: str
    function: Callable[..., Any]
    operands: str
    is_root: bool = False
    """Whether the value is the root of a divergence: its unit is then the root of a nat."""

    @property
    def call(self) -> str:
        return f"{self.name}({', '.join(self.operands)})"

    def __call__(self, p: Array, q: Array, *, normalize: bool) -> Values:
        arrays = [{"p": p, "q": q}[operand] for operand in self.operands]
        return np.ravel(self.function(*arrays, normalize=normalize)).astype(np.float64)


KL = Verb("kl_divergence", klrs.kl_divergence, "pq")
JS = Verb("js_divergence", klrs.js_divergence, "pq")
VERBS = (
    Verb("entropy", klrs.entropy, "p"),
    Verb("entropy", klrs.entropy, "q"),
    Verb("cross_entropy", klrs.cross_entropy, "pq"),
    KL,
    Verb("kl_divergence", klrs.kl_divergence, "qp"),
    JS,
    Verb("js_distance", klrs.js_distance, "pq", is_root=True),
)


@dataclass(frozen=True)
class Summary:
    """The values of all samples, in one unit."""

    mean: float
    median: float
    percentile_99: float
    maximum: float


@dataclass(frozen=True)
class Line:
    """A verb and what it says, in both units or in their roots."""

    call: str
    is_root: bool
    nats: Summary
    bits: Summary


@dataclass(frozen=True)
class TopClass:
    """The most probable class of a sample, and its probability."""

    index: int
    probability: float


@dataclass(frozen=True)
class Sample:
    """One sample: where it is, what p and q say first, and how far apart they are."""

    index: tuple[int, ...]
    top_p: TopClass
    top_q: TopClass
    kl: float
    js: float


@dataclass(frozen=True)
class Comparison:
    """Everything that the report says. NaN: counted in `samples` and `with_nan`, then left out."""

    samples: int
    classes: int
    normalized: bool
    with_nan: int
    infinite: int
    same_top_class: int
    lines: list[Line]
    most_different: list[Sample]
    timed_samples: int
    races: list[list[Timing]]


@dataclass(frozen=True)
class Question:
    """What one asks of two models' logits and the true labels, in words and in Python."""

    words: str
    unit: str
    """`"nats"`, `"share"` (of the samples) or `"classes"`."""
    expressions: tuple[str, ...]
    """What is shown is what is computed: nothing is written twice."""

    def answers(self, p: Array, q: Array, labels: Array) -> list[float]:
        """The value of each expression."""
        names = {"np": np, "logits": logits, "p": p, "q": q, "labels": labels}
        return [float(eval(expression, names)) for expression in self.expressions]


QUESTIONS = (
    Question(
        "cross-entropy of the true labels, before and after",
        "nats",
        (
            'logits.cross_entropy(labels, p, reduction="mean")',
            'logits.cross_entropy(labels, q, reduction="mean")',
        ),
    ),
    Question(
        "perplexity: as hard to guess as one of so many equally likely classes",
        "classes",
        (
            'logits.perplexity(labels, p, reduction="mean")',
            'logits.perplexity(labels, q, reduction="mean")',
        ),
    ),
    Question(
        "how far q is from p",
        "nats",
        (
            'logits.kl_divergence(p, q, reduction="mean")',
            'logits.js_divergence(p, q, reduction="mean")',
        ),
    ),
    Question(
        "how often the top class is the true one",
        "share",
        ("np.mean(p.argmax(-1) == labels)", "np.mean(q.argmax(-1) == labels)"),
    ),
    Question(
        "how often both have the same top class",
        "share",
        ("np.mean(p.argmax(-1) == q.argmax(-1))",),
    ),
)


def compare(
    p: Array, q: Array, *, axis: int = -1, normalize: bool = False, listed: int = 5
) -> Comparison:
    """Compare two sets of distributions sample by sample.

    Parameters
    ----------
    p, q : arrays of the same shape
        The reference and the approximation: at least 2-D, with at least one distribution.
    axis : int
        The axis along which the distributions run.
    normalize : bool
        Divide each distribution by its sum, as in the functions of klrs.
    listed : int
        How many of the samples that differ most to list.

    Returns
    -------
    Comparison
        Statistics over the samples, the samples that differ most, and timings on the same arrays.

    Raises
    ------
    ValueError, TypeError
        As the functions of klrs, when an array does not hold distributions.
    """
    p, q = np.moveaxis(p, axis, -1), np.moveaxis(q, axis, -1)
    # First the verb that reads p as p and q as q: an error in the data then names the right one,
    # while kl_divergence(q, p) would call q "p".
    kl = KL(p, q, normalize=normalize)
    values = {v: kl if v is KL else v(p, q, normalize=normalize) for v in VERBS}
    valid = ~np.isnan(kl)
    timed = [_timing_rows(array, normalize=normalize) for array in (p, q)]
    return Comparison(
        samples=valid.size,
        classes=p.shape[-1],
        normalized=normalize,
        with_nan=int(np.count_nonzero(~valid)),
        infinite=int(np.count_nonzero(np.isinf(kl))),
        same_top_class=int(np.count_nonzero((_top_classes(p) == _top_classes(q))[valid])),
        lines=[_line(verb, values[verb][valid]) for verb in VERBS],
        most_different=_most_different(p, q, kl, values[JS], listed),
        timed_samples=timed[0].size // p.shape[-1],
        races=[
            race(contenders, *timed, budget=SECONDS_PER_RACE)
            for contenders in (kl_contenders(), js_distance_contenders())
        ],
    )


def _line(verb: Verb, values: Values) -> Line:
    bits = values * (BITS_PER_NAT**0.5 if verb.is_root else BITS_PER_NAT)
    return Line(verb.call, verb.is_root, nats=_summary(values), bits=_summary(bits))


def _summary(values: Values) -> Summary:
    if not values.size:
        return Summary(np.nan, np.nan, np.nan, np.nan)
    # "higher" takes a value that a sample has: between two infinite ones, interpolation gives NaN.
    median, percentile_99 = np.quantile(values, [0.5, 0.99], method="higher")
    return Summary(float(values.mean()), float(median), float(percentile_99), float(values.max()))


def _top_classes(rows: Array) -> NDArray[np.intp]:
    # In pieces, because argmax copies what is not contiguous along the axis.
    step = _rows_in(TIMED_BYTES, rows)
    pieces = [rows[i : i + step].argmax(-1) for i in range(0, len(rows), step)]
    return np.concatenate(pieces).ravel()


def _most_different(p: Array, q: Array, kl: Values, js: Values, count: int) -> list[Sample]:
    """The samples of largest KL; among equal ones, such as infinite ones, those of largest JS."""
    descending = np.lexsort((js, kl))[::-1]
    chosen = descending[~np.isnan(kl[descending])][:count]
    samples = []
    for sample in chosen:
        index = tuple(int(i) for i in np.unravel_index(sample, p.shape[:-1]))
        tops = _top_class(p[index]), _top_class(q[index])
        samples.append(Sample(index, *tops, kl=float(kl[sample]), js=float(js[sample])))
    return samples


def _top_class(distribution: Array) -> TopClass:
    index = int(distribution.argmax())
    return TopClass(index, float(distribution[index] / distribution.sum(dtype=np.float64)))


def _timing_rows(rows: Array, *, normalize: bool) -> Array:
    """The first rows, in memory; normalised on demand, because the plain formulas do not do it."""
    first = np.array(rows[: _rows_in(TIMED_BYTES, rows)])
    if not normalize:
        return first
    quotients = first / first.sum(-1, keepdims=True, dtype=np.float64)
    return np.asarray(quotients.astype(np.result_type(first, np.float16)))


def _rows_in(most_bytes: int, rows: Array) -> int:
    """How many steps along the first axis fit into so many bytes: at least one."""
    return max(1, most_bytes * len(rows) // max(1, rows.nbytes))
