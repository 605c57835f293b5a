"""The comparison of `_compare.py` as text of 80 columns: ASCII, which every console can show."""

from collections.abc import Iterable, Iterator

from klrs._compare import (
    BITS_PER_NAT,
    Array,
    Comparison,
    Question,
    Sample,
    Summary,
    TopClass,
)
from klrs._race import Timing
from klrs._timing import format_seconds, three_digits


def format_report(comparison: Comparison, heading: Iterable[str]) -> str:
    """The whole report, ending in a newline.

    Parameters
    ----------
    comparison : Comparison
        What was found.
    heading : iterable of str
        The first lines: what p and q are.
    """
    sections = (
        heading,
        _samples(comparison),
        _statistics(comparison),
        _most_different(comparison),
        _races(comparison),
    )
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def format_answers(questions: Iterable[Question], p: Array, q: Array, labels: Array) -> str:
    """Questions about logits and true labels with their answers, ending in a newline.

    Parameters
    ----------
    questions : iterable of Question
        What to ask.
    p, q : arrays of the same shape
        Logits, with the classes along the last axis.
    labels : array of int
        The true class of each row.
    """
    lines = [_answer("mean over the samples", ("nats", "bits"))]
    for question in questions:
        lines.append(question.words)
        answers = question.answers(p, q, labels)
        for expression, value in zip(question.expressions, answers, strict=True):
            lines.append(_answer(f"  {expression}", _in_units(value, question.unit)))
    return "\n".join(lines) + "\n"


def _in_units(value: float, unit: str) -> tuple[str, ...]:
    if unit == "share":
        return (f"{value:.2%}",)
    if unit == "nats":
        return four_digits(value), four_digits(value * BITS_PER_NAT)
    return (four_digits(value),)


def _answer(text: str, cells: tuple[str, ...]) -> str:
    return f"{text:<52}" + "".join(f"{cell:>12}" for cell in cells)


def _samples(comparison: Comparison) -> Iterator[str]:
    valid = comparison.samples - comparison.with_nan
    yield f"{comparison.samples} samples of {comparison.classes} classes"
    if comparison.with_nan:
        yield f"{comparison.with_nan} of them contain NaN and are left out below"
    if valid:
        agree = comparison.same_top_class
        yield f"p and q have the same top class in {agree} of {valid} ({agree / valid:.2%})"
    if comparison.infinite:
        infinite = comparison.infinite
        yield f"kl_divergence(p, q) is infinite in {infinite}: there q excludes what p allows"


def _statistics(comparison: Comparison) -> Iterator[str]:
    yield _columns(("per sample", "unit", "mean", "median", "99 %", "maximum"))
    for line in comparison.lines:
        root = "sqrt " if line.is_root else ""
        yield _columns((line.call, f"{root}nats", *_numbers(line.nats)))
        yield _columns(("", f"{root}bits", *_numbers(line.bits)))


def _columns(cells: tuple[str, ...]) -> str:
    name, unit, *numbers = cells
    return f"{name:<22}{unit:<10}" + "".join(f"{number:>12}" for number in numbers)


def _numbers(summary: Summary) -> Iterator[str]:
    values = (summary.mean, summary.median, summary.percentile_99, summary.maximum)
    return (four_digits(value) for value in values)


def four_digits(value: float) -> str:
    """Four significant digits, trailing zeros included: `"0.1530"`, `"1.250e-07"`, `"inf"`."""
    return f"{value:#.4g}"


def _most_different(comparison: Comparison) -> Iterator[str]:
    yield "the samples that differ most, with the most probable class of each side"
    yield _sample_row("sample", "p", "q", "KL(p||q)", "JS(p, q)")
    for sample in comparison.most_different:
        yield _sample_row(
            _index(sample),
            _top(sample.top_p),
            _top(sample.top_q),
            four_digits(sample.kl),
            four_digits(sample.js),
        )


def _sample_row(sample: str, p: str, q: str, kl: str, js: str) -> str:
    return f"{sample:<22}{p:<17}{q:<17}{kl:>12}{js:>12}"


def _index(sample: Sample) -> str:
    index = sample.index
    return str(index[0]) if len(index) == 1 else str(index)


def _top(top: TopClass) -> str:
    return f"{top.index} ({top.probability:.2%})"


def _races(comparison: Comparison) -> Iterator[str]:
    timed, samples = comparison.timed_samples, comparison.samples
    where = "these arrays" if timed == samples else f"the first {timed} of {samples} samples"
    if comparison.normalized:
        where += ", divided by their sums"
    yield f"time on {where}"
    yield "(medians of interleaved runs, and the same as multiples of klrs' time)"
    for race in comparison.races:
        yield from _race(race)


def _race(timings: list[Timing]) -> Iterator[str]:
    for timing in timings:
        ratio = f"{three_digits(timing.ratio)} x"
        yield f"{timing.who:<6}{format_seconds(timing.seconds):>9}{ratio:>8}  {timing.expression}"
