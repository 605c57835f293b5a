"""The oracles against closed forms, plain sums of 400 digits, and difference quotients."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import reference
import reference_gradients
from reference_gradients import gradient

Options = dict[str, Any]
Rows = tuple[list[float], list[float]]

DIGITS = mpf(10) ** -28

ROWS = {
    "ordinary": ([0.5, 0.3, 0.2], [0.3, 0.6, 0.1]),
    "near": ([0.5, 0.25, 0.25], [0.5, math.nextafter(0.25, 0), math.nextafter(0.25, 1)]),
    "wide": ([1.0, 1e-300, 5e-324], [1e-200, 1.0, 1e-310]),
    "small": ([1.0, 1e-20, 1e-30], [1e-25, 1.0, 1e-10]),
    "zeros in p": ([0.0, 1.0, 0.0], [0.25, 0.75, 0.0]),
    "low entropy": ([1e16, 1.0], [1e30, 3.0]),
}

ALPHAS = (1e-30, 0.5, 1 - 1e-12, 1 + 2.0**-52, 3.5)

PARAMETERS: dict[str, list[Options]] = {
    "skew_divergence": [{"skew": s} for s in (0.01, 0.3, 1 - 2.0**-53, 1)],
    "power_divergence": [{"lambda_": x} for x in (-1e-12, 0.7, 1, 2.5, -0.5, -0.999, -2.5)],
    "alpha_divergence": [{"alpha": x} for x in (0, 0.5, -1 - 2.0**-52, -3, 1 - 1e-12)],
    "tsallis_divergence": [{"alpha": x} for x in ALPHAS],
    "renyi_divergence": [{"alpha": x} for x in ALPHAS],
    "tsallis_entropy": [{"alpha": x} for x in ALPHAS],
    "renyi_entropy": [{"alpha": x} for x in ALPHAS],
}

ALONE = {"entropy", "tsallis_entropy", "renyi_entropy", "min_entropy"}

Case = tuple[str, Options]
CASES = [(name, options) for name in reference.VERBS for options in PARAMETERS.get(name, [{}])]
CASES += [("js_divergence", {"weights": (0.1, 0.9)}), ("js_distance", {"weights": (0.1, 0.9)})]
CASES += [("kl_divergence", {"base": 2}), ("js_distance", {"base": 2})]


def each(cases: list[Case]) -> pytest.MarkDecorator:
    ids = [" ".join([name, *map(str, options.values())]) for name, options in cases]
    return pytest.mark.parametrize(("name", "options"), cases, ids=ids)


def each_rows(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rows", [ROWS[name] for name in names], ids=names)


def powers(p: list[Decimal], q: list[Decimal], a: Decimal) -> Decimal:
    """sum p^a q^(1-a)."""
    return sum(y * (a * (x / y).ln()).exp() for x, y in zip(p, q, strict=True) if x and y)


def plain(name: str, p: list[Decimal], q: list[Decimal], **options: Any) -> Decimal:
    """The textbook formulas; 400 digits outlast any cancellation in these rows."""
    pairs = [(x, y) for x, y in zip(p, q, strict=True) if x or y]
    half = Decimal("0.5")
    alpha = Decimal(options.get("alpha", 1))
    match name:
        case "entropy":
            value = -sum(x * x.ln() for x in p if x)
        case "cross_entropy":
            value = -sum(x * y.ln() for x, y in pairs if x)
        case "perplexity":
            value = plain("cross_entropy", p, q).exp()
        case "kl_divergence":
            value = sum(x * (x / y).ln() for x, y in pairs if x)
        case "generalized_kl_divergence":
            value = plain("kl_divergence", p, q) - sum(p) + sum(q)
        case "js_divergence" | "js_distance":
            v, w = map(Decimal, options.get("weights", (0.5, 0.5)))
            m = [(v * x + w * y) / (v + w) for x, y in zip(p, q, strict=True)]
            value = v * plain("kl_divergence", p, m) + w * plain("kl_divergence", q, m)
            value /= v + w
        case "jeffreys_divergence" | "population_stability_index":
            value = plain("kl_divergence", p, q) + plain("kl_divergence", q, p)
        case "skew_divergence" | "k_divergence":
            s = Decimal(options.get("skew", 0.5))
            m = [(1 - s) * x + s * y for x, y in zip(p, q, strict=True)]
            value = plain("kl_divergence", p, m)
        case "total_variation_distance":
            value = sum(abs(x - y) for x, y in pairs) / 2
        case "hellinger_distance":
            value = (sum((x.sqrt() - y.sqrt()) ** 2 for x, y in pairs) / 2).sqrt()
        case "bhattacharyya_coefficient":
            value = powers(p, q, half)
        case "bhattacharyya_distance":
            value = -powers(p, q, half).ln()
        case "chi2_divergence":
            value = sum((x - y) ** 2 / y for x, y in pairs)
        case "neyman_chi2_divergence":
            value = plain("chi2_divergence", q, p)
        case "triangular_discrimination":
            value = sum((x - y) ** 2 / (x + y) for x, y in pairs)
        case "power_divergence":
            a = Decimal(options["lambda_"]) + 1
            value = (powers(p, q, a) - a * sum(p) - (1 - a) * sum(q)) / (a * (a - 1))
        case "alpha_divergence":
            value = plain("power_divergence", p, q, lambda_=-(1 + alpha) / 2)
        case "tsallis_divergence":
            value = alpha * plain("power_divergence", p, q, lambda_=alpha - 1)
        case "renyi_divergence":
            value = powers(p, q, alpha).ln() / (alpha - 1)
        case "tsallis_entropy":
            value = (powers(p, [Decimal(1)] * len(p), alpha) - 1) / (1 - alpha)
        case "renyi_entropy":
            value = powers(p, [Decimal(1)] * len(p), alpha).ln() / (1 - alpha)
        case "min_entropy":
            value = -max(p).ln()
        case _:
            raise AssertionError(name)
    value /= Decimal(options["base"]).ln() if "base" in options else 1
    return value.sqrt() if name == "js_distance" else value


def quotients(row: list[Decimal]) -> list[Decimal]:
    return [x / sum(row) for x in row]


def assert_close(value: mpf, expected: Any, absolute: float | mpf = 0) -> None:
    with mp.workdps(60):
        expected = mpf(str(expected)) if isinstance(expected, Decimal) else mpf(expected)
        assert abs(value - expected) <= DIGITS * abs(expected) + absolute


@each_rows(*ROWS)
@each(CASES)
def test_against_plain_sums(name: str, options: Options, rows: Rows) -> None:
    operands = rows[:1] if name in ALONE else rows
    normalize = {} if name == "generalized_kl_divergence" else {"normalize": True}
    value = reference.VERBS[name](*operands, **options, **normalize)
    with localcontext() as context:
        context.prec = 1000 if rows is ROWS["wide"] else 400
        p, q = ([Decimal(x) for x in row] for row in rows)
        if normalize:
            p, q = quotients(p), quotients(q)
        if mp.isinf(value):
            assert any((x == 0) != (y == 0) for x, y in zip(p, q, strict=True))
        else:
            assert_close(value, plain(name, p, q, **options))


LN2, LN3 = mp.log(2), mp.log(3)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda: reference.entropy([1, 1, 1, 1], normalize=True, base=2), 2),
        (lambda: reference.entropy([0, 1, 0]), 0),
        (lambda: reference.cross_entropy([1, 0], [0.25, 0.75], base=2), 2),
        (lambda: reference.cross_entropy([1, 0], [0, 1]), mp.inf),
        (
            lambda: reference.kl_divergence([0.5, 0.5], [0.125, 0.875 - 0.375], base=2),
            1 - mpf("0.375") / LN2,
        ),
        (lambda: reference.kl_divergence([1, 2, 3], [2, 4, 6], normalize=True), 0),
        (lambda: reference.kl_divergence([0.5, 0.5], [1, 0]), mp.inf),
        (lambda: reference.generalized_kl_divergence([0, 0], [3, 4]), 7),
        (lambda: reference.js_divergence([1, 0], [0, 1], base=2), 1),
        (
            lambda: reference.js_divergence([1, 0], [0, 1], weights=(0.25, 0.75), base=2),
            2 - mpf("0.75") * LN3 / LN2,
        ),
        (lambda: reference.js_divergence([1, 0], [0, 1], weights=(1, 0)), 0),
        (lambda: reference.js_distance([1, 0], [0, 1], base=4), mp.sqrt(mpf("0.5"))),
        (lambda: reference.jeffreys_divergence([0.25, 0.75], [0.5, 0.5], base=3), 0.25),
        (lambda: reference.jeffreys_divergence([0, 1], [0.5, 0.5]), mp.inf),
        (lambda: reference.population_stability_index([0.5, 0.5], [0, 1]), mp.inf),
        (lambda: reference.skew_divergence([1, 0], [0, 1], skew=0.75, base=2), 2),
        (lambda: reference.skew_divergence([1.01, 0], [0, 1], skew=0.75, base=2), 2),
        (lambda: reference.skew_divergence([1, 0], [0, 1], skew=1), mp.inf),
        (lambda: reference.skew_divergence([1, 0], [0, 1], skew=0), 0),
        (lambda: reference.k_divergence([1, 0], [0, 1]), LN2),
        (lambda: reference.total_variation_distance([0.5, 0.5, 0], [0.25, 0.25, 0.5]), 0.5),
        (lambda: reference.total_variation_distance([1.01, 0], [0, 1]), 1),
        (lambda: reference.hellinger_distance([1, 0], [0.25, 0.75]), mp.sqrt(mpf("0.5"))),
        (lambda: reference.hellinger_distance([1.01, 0], [0, 1]), 1),
        (lambda: reference.bhattacharyya_coefficient([1, 0], [0.25, 0.75]), 0.5),
        (lambda: reference.bhattacharyya_coefficient([0.3, 0.6], [0.3, 0.6]), 1),
        (lambda: reference.bhattacharyya_coefficient([1, 0], [0, 1]), 0),
        (lambda: reference.bhattacharyya_distance([1, 0], [0.25, 0.75], base=2), 1),
        (lambda: reference.bhattacharyya_distance([1, 0], [0, 1]), mp.inf),
        (lambda: reference.chi2_divergence([0.75, 0.25], [0.5, 0.5]), 0.25),
        (lambda: reference.chi2_divergence([0.5, 0.5, 0], [1, 0, 0]), mp.inf),
        (lambda: reference.neyman_chi2_divergence([0.5, 0.5], [0.75, 0.25]), 0.25),
        (lambda: reference.neyman_chi2_divergence([1, 0], [0.5, 0.5]), mp.inf),
        (lambda: reference.triangular_discrimination([1, 0], [0.5, 0.5]), mpf(2) / 3),
        (lambda: reference.triangular_discrimination([1.01, 0], [0, 1]), 2),
        (lambda: reference.power_divergence([1, 0], [0.25, 0.75], lambda_=2), 2.5),
        (lambda: reference.power_divergence([1, 0], [0.25, 0.75], lambda_=-1), mp.inf),
        (lambda: reference.power_divergence([0.25, 0.75], [1, 0], lambda_=-2), 1.5),
        (lambda: reference.power_divergence([0.25, 0.75], [1, 0], lambda_=0), mp.inf),
        (lambda: reference.alpha_divergence([1, 0], [0.25, 0.75], alpha=0), 2),
        (lambda: reference.tsallis_divergence([1, 0], [0.25, 0.75], alpha=2), 3),
        (lambda: reference.tsallis_divergence([1, 0], [0.25, 0.75], alpha=0), 0.75),
        (lambda: reference.renyi_divergence([1, 0], [0.25, 0.75], alpha=2, base=2), 2),
        (lambda: reference.renyi_divergence([1, 0], [0.25, 0.75], alpha=0, base=2), 2),
        (lambda: reference.renyi_divergence([0.5, 0.5], [0.25, 0.75], alpha=math.inf), LN2),
        (lambda: reference.renyi_divergence([0.5, 0.5], [0.5, 0.5], alpha=math.inf), 0),
        (lambda: reference.renyi_divergence([1, 0], [0, 1], alpha=0), mp.inf),
        (lambda: reference.renyi_divergence([1, 0], [0, 1], alpha=0.5), mp.inf),
        (lambda: reference.renyi_divergence([0.5, 0.5], [0, 1], alpha=3), mp.inf),
        (lambda: reference.renyi_divergence([0.5, 0.5], [0, 1], alpha=math.inf), mp.inf),
        (lambda: reference.tsallis_entropy([0.5, 0.25, 0.25], alpha=2), 0.625),
        (lambda: reference.tsallis_entropy([0.5, 0.5, 0], alpha=0), 1),
        (lambda: reference.tsallis_entropy([1.01, 0], alpha=2), 0),
        (lambda: reference.renyi_entropy([0.5, 0.25, 0.25], alpha=2), mp.log(mpf(8) / 3)),
        (lambda: reference.renyi_entropy([0.5, 0.5, 0], alpha=0, base=2), 1),
        (lambda: reference.renyi_entropy([0.5, 0.25, 0.25], alpha=math.inf, base=2), 1),
        (lambda: reference.renyi_entropy([1, 0], alpha=1e300), 0),
        (lambda: reference.renyi_entropy([1.01, 0], alpha=1e4), 0),
        (lambda: reference.min_entropy([1, 1, 2], normalize=True, base=2), 1),
        (lambda: reference.min_entropy([1.01, 0]), 0),
        (lambda: reference.perplexity([1, 1, 1], normalize=True), 3),
        (lambda: reference.perplexity([1, 0], [0.125, 0.875]), 8),
        (lambda: reference.perplexity([1, 0], [0, 1]), mp.inf),
        (lambda: reference.js_divergence_of([[1, 0, 0], [0, 1, 0], [0, 0, 1]], base=3), 1),
        (
            lambda: reference.js_divergence_of([[1, 0], [0, 1], [1, 0]], weights=(1, 2, 1), base=2),
            1,
        ),
        (lambda: reference.mutual_information([[2, 0], [0, 2]], normalize=True, base=2), 1),
        (lambda: reference.mutual_information([[1, 2], [3, 6]], normalize=True), 0),
        (lambda: reference.joint_entropy([[0.25, 0.25], [0.5, 0]], base=2), 1.5),
        (lambda: reference.conditional_entropy([[0.25, 0.25], [0.5, 0]], given=0, base=2), 0.5),
        (
            lambda: reference.conditional_entropy([[0.25, 0.25], [0.5, 0]], given=1),
            mpf("0.75") * LN3 - mpf("0.5") * LN2,
        ),
    ],
)
def test_closed_forms(value: Callable[[], mpf], expected: Any) -> None:
    assert mp.almosteq(value(), mpf(expected), rel_eps=1e-15, abs_eps=0)


@each_rows("ordinary", "near", "wide", "low entropy")
def test_one_divergence_is_another(rows: Rows) -> None:
    p, q = rows
    exact = {name: verb for name, verb in reference.VERBS.items() if name not in ALONE}

    def value(name: str, *rows: list[float], **options: Any) -> mpf:
        return exact[name](*(rows or (p, q)), normalize=True, **options)

    def power(lambda_: float) -> mpf:
        return value("power_divergence", lambda_=lambda_)

    with mp.workdps(60):
        reverse = value("kl_divergence", q, p)
        assert_close(power(0), value("kl_divergence"))
        assert_close(power(-1), reverse)
        assert_close(power(1), value("chi2_divergence") / 2)
        assert_close(power(-0.5), 4 * value("hellinger_distance") ** 2)
        assert_close(power(-2), value("neyman_chi2_divergence") / 2)
        assert_close(value("jeffreys_divergence"), value("kl_divergence") + reverse)
        assert_close(value("population_stability_index"), value("jeffreys_divergence"))
        assert_close(value("k_divergence"), value("skew_divergence", skew=0.5))
        assert_close(value("skew_divergence", skew=1), value("kl_divergence"))
        assert_close(value("alpha_divergence", alpha=-1), value("kl_divergence"))
        assert_close(value("alpha_divergence", alpha=1), reverse)
        assert_close(value("alpha_divergence", alpha=-5), power(2))
        assert_close(value("tsallis_divergence", alpha=3), 3 * power(2))
        half = value("renyi_divergence", alpha=0.5)
        assert_close(value("bhattacharyya_distance"), half / 2)
        assert_close(value("bhattacharyya_coefficient"), mp.exp(-half / 2))
        assert_close(value("renyi_divergence", alpha=1), value("kl_divergence"))
        halves = value("k_divergence") + value("k_divergence", q, p)
        assert_close(value("js_divergence"), halves / 2)


@each_rows(*ROWS)
@pytest.mark.parametrize(
    ("limit", "alpha", "relative", "absolute"),
    [
        (0, 1e-300, 1e-30, 1e-290),
        (1, 1 - 1e-14, 1e-11, 0),
        (1, 1 + 1e-14, 1e-11, 0),
        (math.inf, 1e18, 1e-15, 1e-16),
    ],
)
def test_parameters_have_limits(
    limit: float, alpha: float, relative: float, absolute: float, rows: Rows
) -> None:
    for name in ("renyi_divergence", "renyi_entropy", "tsallis_divergence", "tsallis_entropy"):
        if name.startswith("tsallis") and math.isinf(limit):
            continue
        verb, operands = reference.VERBS[name], rows[:1] if name in ALONE else rows
        at, near = (verb(*operands, alpha=x, normalize=True) for x in (limit, alpha))
        assert at == near or abs(near - at) <= relative * at + absolute


TABLES = (
    [[0.1, 0.2, 0.0], [0.3, 0.15, 0.25]],
    [[1, 2], [3, math.nextafter(6, 7)]],
    [[1e300, 1.0, 5e-324]],
    [[3, 0], [0, 0], [1, 1e-200]],
)


@pytest.mark.parametrize("joint", TABLES)
def test_tables(joint: list[list[float]]) -> None:
    """Information as the difference of entropies, with digits enough for its cancellation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "BITS", 3000)
        with mp.workprec(3000):
            total = mp.fsum(mpf(x) for row in joint for x in row)
            tables = (joint, list(zip(*joint, strict=True)))
            sides = [[mp.fsum(map(mpf, row)) / total for row in table] for table in tables]
            of_sides = [-mp.fsum(x * mp.log(x) for x in side if x) for side in sides]
            both = reference.joint_entropy(joint, normalize=True)
            expected = [sum(of_sides) - both, both - of_sides[0], both - of_sides[1]]
    values = [
        reference.mutual_information(joint, normalize=True),
        *(reference.conditional_entropy(joint, given=k, normalize=True) for k in (0, 1)),
    ]
    for value, exact in zip(values, expected, strict=True):
        assert_close(value, exact, mpf(10) ** -800)
    as_given = reference.mutual_information(joint)
    with mp.workprec(3000):
        assert_close(as_given, total * values[0])


def test_of_several_and_per_class() -> None:
    p, q, r = [0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [0.3, 0.4, 0.3]
    two = reference.js_divergence_of([p, q], weights=(0.1, 0.9), base=2)
    assert two == reference.js_divergence(p, q, weights=(0.1, 0.9), base=2)
    # A row counted twice is a row of twice the weight.
    twice = reference.js_divergence_of([p, q, q, r], normalize=True)
    assert_close(twice, reference.js_divergence_of([p, q, r], weights=(1, 2, 1), normalize=True))
    for options in ({}, {"base": 2, "normalize": True}):
        classes = reference.kl_contributions(p, q, **options)
        with mp.workdps(40):
            assert_close(sum(classes), reference.kl_divergence(p, q, **options))
    assert reference.kl_contributions([0, 0.5, 0.5], [0.25, 0.75, 0]) == [
        mpf("0.25"),
        *reference.kl_contributions([0.5], [0.75]),
        mp.inf,
    ]
    assert all(map(mp.isnan, reference.kl_contributions([math.nan, 1], [0.5, 0.5])))


EXTREME_ROWS = (
    *ROWS.values(),
    ([1.0, 5e-324, 0.0], [1.0, 1e-323, 5e-324]),
    ([1.0, 1e-300], [math.nextafter(1.0, 0), 1e-300]),
    ([1.0, 1e-300, 1e-17], [1.0, math.nextafter(1e-300, 1), 1e-17]),
)
EXTREMES = (5e-324, 1e-300, 1e-17, 1 - 2.0**-53, 1 + 2.0**-52, 1e6, 1e300)
EXTREME_PARAMETERS: dict[str, list[Options]] = {
    "skew_divergence": [{"skew": s} for s in EXTREMES if s < 1],
    "power_divergence": [{"lambda_": s * x} for x in EXTREMES for s in (-1, 1)],
    "alpha_divergence": [{"alpha": s * x} for x in EXTREMES for s in (-1, 1)],
    "js_divergence": [{}, {"weights": (1, 1e-300)}, {"weights": (1e-17, 1)}],
    "js_distance": [{}, {"weights": (1, 1e-300)}, {"weights": (1e-17, 1)}],
    "tsallis_divergence": [{"alpha": x} for x in EXTREMES],
    "renyi_divergence": [{"alpha": x} for x in EXTREMES],
    "tsallis_entropy": [{"alpha": x} for x in EXTREMES],
    "renyi_entropy": [{"alpha": x} for x in EXTREMES],
}
EXTREME_CASES = [
    (name, options)
    for name in reference.VERBS
    for options in EXTREME_PARAMETERS.get(name, PARAMETERS.get(name, [{}]))
]


def agree(x: mpf, y: mpf) -> bool:
    """To 95 bits; a bool, because pytest would print numbers of 10^300 digits."""
    with mp.workprec(200):
        return bool(x == y or abs(x - y) <= mp.ldexp(abs(y), -95))


@each(EXTREME_CASES)
def test_more_digits_change_nothing(name: str, options: Options, monkeypatch: Any) -> None:
    """The working precision is enough: at three times the bits the value is the same."""

    def values() -> list[mpf]:
        verb = reference.VERBS[name]
        normalize = [{}] if name == "generalized_kl_divergence" else [{}, {"normalize": True}]
        return [
            verb(*(rows[:1] if name in ALONE else rows), **options, **kind)
            for rows in EXTREME_ROWS
            for kind in normalize
        ]

    before = values()
    monkeypatch.setattr(reference, "BITS", 3 * reference.BITS)
    assert all(map(agree, before, values()))


def test_nan_and_bad_entries() -> None:
    for name, options in CASES:
        verb, rest = reference.VERBS[name], [] if name in ALONE else [[0.5, 0.5]]
        assert mp.isnan(verb([math.nan, 1.0], *rest, **options))
        for bad in (-1.0, math.inf):
            with pytest.raises(ValueError, match="finite, non-negative"):
                verb([bad, 1.0], *rest, **options)
        if name != "generalized_kl_divergence":
            with pytest.raises(ValueError, match="zeros"):
                verb([0.0, 0.0], *rest, normalize=True, **options)
    for verb in reference.JOINT.values():
        options = {"given": 0} if verb.__name__ == "conditional_entropy" else {}
        assert mp.isnan(verb([[math.nan, 1.0], [0.0, 0.0]], **options))


def test_weights_are_divided_by_their_sum() -> None:
    """0.1 + 0.9 is not 1: equal rows must be at a distance of 0 all the same."""
    for weights in ((0.1, 0.9), (0.3, 0.7), (1e-10, 1 - 1e-10)):
        assert reference.js_divergence([0.3, 0.7], [0.3, 0.7], weights=weights) == 0


def test_floats_of_every_width_are_read_exactly() -> None:
    for dtype in (np.float32, np.float16):
        p, q = np.array([0.3, 0.7], dtype), np.array([0.6, 0.4], dtype)
        wide = reference.js_divergence(p.astype(float), q.astype(float))
        assert reference.js_divergence(p, q) == wide


def operands_of(name: str) -> list[tuple[int, bool]]:
    """argnum, and whether there is a q."""
    if name in ALONE:
        return [(0, False)]
    return [(0, True), (1, True), *([(0, False)] if name == "perplexity" else [])]


GRADIENTS = [(name, options) for name, options in CASES if name != "min_entropy"]

each_kind = pytest.mark.parametrize("normalize", [False, True], ids=["as given", "normalized"])


@each_rows("ordinary", "near", "small")
@each_kind
@each(GRADIENTS)
def test_gradients_are_difference_quotients(
    name: str, options: Options, normalize: bool, rows: Rows
) -> None:
    def value(p: list[Decimal], q: list[Decimal], with_q: bool) -> Decimal:
        if normalize:
            p, q = quotients(p), quotients(q)
        # Without q the cross-entropy becomes the entropy, also in the perplexity.
        return plain(name, p, q if with_q else p, **options)

    with localcontext() as context:
        context.prec = 300
        for argnum, with_q in operands_of(name):
            got = gradient(name, *rows[: 1 + with_q], argnum=argnum, normalize=normalize, **options)
            exact = [[Decimal(x) for x in row] for row in rows]
            for i, x in enumerate(exact[argnum]):
                ends = []
                for step in (-x * Decimal("1e-75"), x * Decimal("1e-75")):
                    exact[argnum][i] = x + step
                    ends.append(value(*exact, with_q))
                exact[argnum][i] = x
                assert_close(got[i], (ends[1] - ends[0]) / (2 * step), 1e-60)


@each_kind
def test_gradients_at_parameters_of_other_verbs(normalize: bool) -> None:
    rows = [0.5, 0.3, 0.2, 0.0], [0.3, 0.6, 0.1, 0.0]

    def at(name: str, argnum: int, rows: Any = rows, **options: Any) -> list[mpf]:
        return gradient(name, *rows, argnum=argnum, normalize=normalize, **options)

    for argnum in (0, 1):
        general = at("generalized_kl_divergence", argnum)
        reverse = at("generalized_kl_divergence", 1 - argnum, rows[::-1])
        assert at("power_divergence", argnum, lambda_=0) == general
        assert at("power_divergence", argnum, lambda_=-1) == reverse
        assert at("alpha_divergence", argnum, alpha=-1) == general
        assert at("alpha_divergence", argnum, alpha=1) == reverse
        assert at("tsallis_divergence", argnum, alpha=1) == general
        assert at("tsallis_divergence", argnum, alpha=0) == [0, 0, 0, 0]
        kl = at("kl_divergence", argnum)
        assert at("renyi_divergence", argnum, alpha=1) == kl
        assert at("skew_divergence", argnum, skew=1) == kl
        assert at("skew_divergence", argnum, skew=0) == [0, 0, 0, 0]
        assert at("js_divergence", argnum, weights=(0, 1)) == [0, 0, 0, 0]
    entropy = at("entropy", 0, rows[:1])
    assert at("tsallis_entropy", 0, rows[:1], alpha=1) == entropy
    assert at("renyi_entropy", 0, rows[:1], alpha=1) == entropy
    assert at("renyi_entropy", 0, rows[:1], alpha=0) == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="jumps"):
        at("renyi_divergence", 0, alpha=0)


MILD = {
    "skew_divergence": [{"skew": 0.3}],
    "power_divergence": [{"lambda_": x} for x in (-3, -1, -0.5, 0, 0.5, 1)],
    "alpha_divergence": [{"alpha": x} for x in (-3, -1, 0, 1, 3)],
    "tsallis_divergence": [{"alpha": x} for x in (0.5, 1, 3)],
    "renyi_divergence": [{"alpha": x} for x in (0.5, 1, 3)],
    "tsallis_entropy": [{"alpha": x} for x in (0, 0.5, 1, 3)],
    "renyi_entropy": [{"alpha": x} for x in (0.5, 1, 3)],
}
MILD_CASES = [
    (name, options)
    for name in reference.VERBS
    if name != "min_entropy"
    for options in MILD.get(name, [{}])
]


@pytest.mark.parametrize("zeros", [1, 2])
@each_kind
@each(MILD_CASES)
def test_gradients_at_zero_are_limits(
    name: str, options: Options, normalize: bool, zeros: int
) -> None:
    """Next to it they are near the limit, or grow without bound."""
    for argnum, with_q in operands_of(name):

        def at(x: float, argnum: int = argnum, with_q: bool = with_q) -> list[mpf]:
            rows = [[0.25, 0.125, 0.5, 0.125]] * (1 + with_q)
            rows[argnum] = [*[x] * zeros, *[0.75] * (3 - zeros), 0.25]
            return gradient(name, *rows, argnum=argnum, normalize=normalize, **options)

        for limit, near, nearer in zip(at(0.0), at(1e-150), at(1e-300), strict=True):
            if mp.isinf(limit):
                assert mp.sign(limit) == mp.sign(nearer)
                assert abs(nearer) > 1.9 * abs(near) > 90
            else:
                assert abs(nearer - limit) <= 1e-70


INF = math.inf


@pytest.mark.parametrize(
    ("name", "options", "argnum", "expected"),
    [
        ("kl_divergence", {}, 0, [-INF, INF]),
        ("kl_divergence", {}, 1, [0, -INF]),
        ("cross_entropy", {}, 0, [0, INF]),
        ("perplexity", {}, 0, [0, INF]),
        ("generalized_kl_divergence", {}, 1, [1, -INF]),
        ("jeffreys_divergence", {}, 0, [-INF, INF]),
        ("js_divergence", {}, 0, [-INF, LN2 / 2]),
        ("skew_divergence", {"skew": 0.5}, 1, [0, -1]),
        ("total_variation_distance", {}, 0, [-0.5, 0.5]),
        ("hellinger_distance", {}, 0, [-INF, 0.25]),
        ("hellinger_distance", {}, 1, [0.25, -INF]),
        ("bhattacharyya_coefficient", {}, 0, [INF, 0]),
        ("bhattacharyya_distance", {}, 0, [-INF, 0]),
        ("bhattacharyya_distance", {}, 1, [0, -INF]),
        ("chi2_divergence", {}, 0, [-2, INF]),
        ("chi2_divergence", {}, 1, [1, -INF]),
        ("neyman_chi2_divergence", {}, 0, [-INF, 1]),
        ("triangular_discrimination", {}, 0, [-3, 1]),
        ("power_divergence", {"lambda_": 1}, 0, [-1, INF]),
        ("power_divergence", {"lambda_": -2}, 0, [-INF, 0.5]),
        ("renyi_divergence", {"alpha": 0.5}, 0, [-INF, 0]),
        ("renyi_divergence", {"alpha": 2}, 0, [0, INF]),
        ("renyi_divergence", {"alpha": 2}, 1, [0, -INF]),
        ("tsallis_divergence", {"alpha": 0}, 1, [1, 0]),
    ],
)
def test_gradients_of_disjoint_rows(
    name: str, options: Options, argnum: int, expected: list[float]
) -> None:
    """p = (0, 1) and q = (1, 0): the zeros of the other operand stay."""
    got = gradient(name, [0.0, 1.0], [1.0, 0.0], argnum, **options)
    assert all(map(mp.almosteq, got, map(mpf, expected)))


@each_kind
@each([case for case in MILD_CASES if case[0] not in ALONE | {"cross_entropy", "perplexity"}])
def test_gradients_of_equal_rows(name: str, options: Options, normalize: bool) -> None:
    """All alike, and with `normalize` exactly 0; a class with 0 in both has 0."""
    p, q = [0.25, 0.125, 0.625, 0.0], [0.5, 0.25, 1.25, 0.0] if normalize else None
    for argnum in (0, 1):
        got = gradient(name, p, q or p, argnum, normalize=normalize, **options)
        assert got[3] == 0
        assert got[:3] == [0, 0, 0] if normalize else got[0] == got[1] == got[2]


@each(EXTREME_CASES)
def test_more_digits_change_no_gradient(name: str, options: Options, monkeypatch: Any) -> None:
    if name == "min_entropy":
        return

    def values() -> list[mpf]:
        return [
            g
            for rows in EXTREME_ROWS
            for argnum, with_q in operands_of(name)
            for normalize in (False, True)
            for g in gradient(
                name, *rows[: 1 + with_q], argnum=argnum, normalize=normalize, **options
            )
        ]

    before = values()
    monkeypatch.setattr(reference_gradients, "SPARE", 3 * reference_gradients.SPARE)
    assert all(map(agree, before, values()))


def test_gradients_with_nan() -> None:
    for argnum in (0, 1):
        got = gradient("kl_divergence", [0.5, 0.5], [math.nan, 0.5], argnum)
        assert len(got) == 2
        assert all(map(mp.isnan, got))
