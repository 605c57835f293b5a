"""What is measured and what is to be reached: one list for timing, checking and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import contenders as by
import gaussians
import klrs
import losses
import transport
from catalogue import CATALOGUE
from contenders import Contender
from workloads import Gaussians, Logits, Samples, Workload


@dataclass(frozen=True)
class Entry:
    """A contender on its arrays."""

    contender: Contender
    workload: Workload

    @property
    def name(self) -> str:
        """Who does what on which arrays."""
        return f"{self.contender.who}: {self.contender.expression}, {self.workload.name}"


@dataclass(frozen=True)
class Target:
    """`entry` is to be at least `at_least` times as fast as `reference`."""

    entry: Entry
    reference: Entry
    at_least: float


@dataclass(frozen=True)
class Case:
    """Entries that take turns on the clock. Times are given as multiples of the first one's."""

    title: str
    entries: tuple[Entry, ...]
    targets: tuple[Target, ...]


def all_cases(shrink: int) -> list[Case]:
    """Every case, with the numbers of rows divided by `shrink`: 1 for the real sizes."""
    batch = Workload("float64", 20_000 // shrink, 2048)
    return [
        beside_peers(
            by.KLRS_KL, [by.SUMS, *by.KL_PEERS], batch, targets={by.SUMS: 1, by.REL_ENTR: 30}
        ),
        beside_peers(
            by.KLRS_CROSS_ENTROPY,
            [by.SUMS, *by.CROSS_ENTROPY_PEERS],
            batch,
            targets={by.SUMS: 1, by.REL_ENTR: 30},
        ),
        beside_peers(by.KLRS_JS, by.JS_PEERS, batch, targets={by.SCIPY_JS: 35}),
        beside_peers(
            by.KLRS_KL,
            [by.SUMS, *by.KL_PEERS],
            replace(batch, dtype="float32"),
            targets={by.SUMS: 1},
        ),
        beside_peers(
            by.KLRS_KL,
            by.KL_PEERS,
            Workload("float64", 1_000_000 // shrink, 10),
            targets={by.REL_ENTR: 10, by.SIMSIMD_KL: 1},
        ),
        beside_peers(
            by.KLRS_KL,
            by.KL_PEERS,
            Workload("float64", 50_000 // shrink, 200),
            targets={by.REL_ENTR: 20},
        ),
        with_gradients(replace(batch, dtype="float32")),
        half_precision(batch),
        down_the_columns(batch),
        one_row(batch),
        beside_peers(
            by.KLRS_KL,
            by.KL_PEERS,
            Workload("float64", 1, 3),
            targets={by.REL_ENTR: 2.5},
        ),
        beside_peers(by.KLRS_JS, by.JS_PEERS, Workload("float64", 1, 3), targets={by.SCIPY_JS: 20}),
        keywords(Workload("float64", 1, 3)),
        beside_peers(
            by.KLRS_KL,
            by.KL_PEERS,
            Workload("float64", 1, 1000),
            targets={by.SIMSIMD_KL: 1},
        ),
    ]


def every_verb(shrink: int) -> list[Case]:
    """A case for each row of the catalogue: klrs, a plain read of the same arrays, one peer."""
    batch = Workload("float64", 20_000 // shrink, 2048)
    return [
        beside_peers(ours, [by.SUMS if ours.takes_q else by.SUM_OF_P, peer], batch, targets={})
        for ours, peer in CATALOGUE
    ]


def cases_of_logits(shrink: int) -> list[Case]:
    """What language models and small classifiers ask for, beside torch where it is installed."""
    pair = Logits("float32", 4096 // shrink, 32_000)
    labelled = replace(pair, labelled=True)
    large = [
        beside_peers(
            losses.KLRS_CE,
            [losses.READ_Q, losses.SCIPY_CE, losses.TORCH_CE],
            labelled,
            targets={losses.SCIPY_CE: 10, losses.TORCH_CE: 6},
        ),
        beside_peers(
            losses.KLRS_CE_GRADIENT,
            [losses.TORCH_CE_GRADIENT],
            labelled,
            targets={losses.TORCH_CE_GRADIENT: 5},
        ),
        beside_peers(
            losses.KLRS_KL,
            [by.SUMS, losses.TORCH_KL],
            pair,
            targets={losses.TORCH_KL: 10},
        ),
        beside_peers(
            losses.KLRS_KL_GRADIENT,
            [losses.TORCH_KL_GRADIENT],
            pair,
            targets={losses.TORCH_KL_GRADIENT: 8},
        ),
    ]
    small = beside_peers(
        losses.KLRS_CE,
        [losses.READ_Q, losses.SCIPY_CE, losses.TORCH_CE],
        Logits("float32", 1_000_000 // shrink, 10, labelled=True),
        targets={losses.TORCH_CE: 5},
    )
    return [*large, *map(in_half_precision, large), small]


def cases_on_a_line(shrink: int) -> list[Case]:
    """Transport of samples beside SciPy and POT, and of histograms beside the KL divergence."""
    draws = Samples("float64", 1000 // shrink, 1000)
    batch = Workload("float64", 20_000 // shrink, 2048)
    single = replace(batch, dtype="float32")
    beside_kl = {by.KLRS_KL: 1 / 2}
    return [
        beside_peers(
            transport.SAMPLES,
            [transport.SCIPY_SAMPLES, transport.POT_SAMPLES],
            draws,
            targets={transport.SCIPY_SAMPLES: 10, transport.POT_SAMPLES: 5},
        ),
        beside_peers(transport.SAMPLES_SQUARED, [transport.POT_SAMPLES_SQUARED], draws, targets={}),
        beside_peers(transport.SAMPLES_ENERGY, [transport.SCIPY_ENERGY], draws, targets={}),
        beside_peers(transport.SAMPLES_GRADIENT, [], draws, targets={}),
        beside_peers(transport.HISTOGRAMS, list(beside_kl), batch, targets=beside_kl),
        beside_peers(transport.HISTOGRAMS, list(beside_kl), single, targets=beside_kl),
        *(
            beside_peers(ours, [by.KLRS_KL], batch, targets={})
            for ours in (
                transport.NORMALIZED,
                transport.SQUARED,
                transport.ENERGY,
                transport.GRADIENT,
            )
        ),
    ]


def cases_of_gaussians(shrink: int) -> list[Case]:
    """The term of a VAE's loss, and the step of its training."""
    batch = Gaussians("float32", 65_536 // shrink, 128)
    gradient = beside_peers(
        gaussians.KLRS_GRADIENT,
        [gaussians.READ, gaussians.TORCH_GRADIENT],
        batch,
        targets={gaussians.TORCH_GRADIENT: 5},
    )
    values = beside_peers(gaussians.KLRS, [gaussians.READ, gaussians.TORCH], batch, targets={})
    return [gradient, values]


def in_half_precision(case: Case) -> Case:
    """The same of bfloat16, which is to take no longer than float32."""
    single = case.entries[0]
    brain = replace(single.workload, dtype="bfloat16")
    ours = Entry(single.contender, brain)
    peers = [Entry(e.contender, brain) for e in case.entries if e.contender.who == "torch"]
    return Case(
        f"`{single.contender.expression}`, {brain.name}",
        (ours, single, *peers),
        (Target(ours, single, 1),),
    )


def beside_peers(
    ours: Contender,
    peers: Sequence[Contender],
    workload: Workload,
    *,
    targets: Mapping[Contender, float],
) -> Case:
    entry = Entry(ours, workload)
    others = {peer: Entry(peer, workload) for peer in peers if by.torch or peer.who != "torch"}
    return Case(
        f"`{ours.expression}`, {workload.name}",
        (entry, *others.values()),
        tuple(Target(entry, others[p], ratio) for p, ratio in targets.items() if p in others),
    )


def with_gradients(batch: Workload) -> Case:
    """A loss and both its gradients, beside what only moves as many bytes."""
    targets: dict[Contender, float] = {by.COPIES_AND_SUMS: 1 / 1.5}
    if by.torch:
        targets[by.TORCH_KL_GRADIENTS] = 15
    return beside_peers(by.KLRS_KL_GRADIENTS, list(targets), batch, targets=targets)


def half_precision(batch: Workload) -> Case:
    """float16 and bfloat16 are read as they are: half the memory, against the cost of widening."""
    single, half, brain = (
        replace(batch, dtype=dtype) for dtype in ("float32", "float16", "bfloat16")
    )
    base = Entry(by.KLRS_KL, single)
    ours = [Entry(by.KLRS_KL, workload) for workload in (half, brain)]
    peers = [Entry(by.SIMSIMD_KL, half), Entry(by.NUMKONG_KL, half), Entry(by.NUMKONG_KL, brain)]
    return Case(
        "half precision",
        (base, *ours, *peers),
        tuple(Target(entry, base, 0.9) for entry in ours),
    )


def down_the_columns(batch: Workload) -> Case:
    """Distributions along the first axis of a C-ordered array."""
    along_rows = Entry(by.KLRS_KL, batch)
    along_columns = Entry(
        replace(
            by.KLRS_KL,
            expression="kl_divergence(p, q, axis=0)",
            call=partial(klrs.kl_divergence, axis=0),
        ),
        replace(batch, axis=0),
    )
    return Case(
        "distributions down the columns",
        (along_rows, along_columns),
        (Target(along_columns, along_rows, 0.5),),
    )


def one_row(batch: Workload) -> Case:
    """One distribution with as many entries as the whole batch."""
    long = Workload(batch.dtype, 1, batch.rows * batch.classes)
    whole, ours = Entry(by.KLRS_KL, batch), Entry(by.KLRS_KL, long)
    peers = [Entry(peer, long) for peer in (by.PLAIN_KL, by.SIMSIMD_KL, by.NUMKONG_KL)]
    return Case("one row", (whole, ours, *peers), (Target(ours, whole, 1 / 1.3),))


def keywords(few: Workload) -> Case:
    """What keywords cost where the work is nothing beside the call."""
    # Both from source, as keywords are: another way to pass them would be measured with them.
    call = lambda p, q: klrs.kl_divergence(p, q)  # noqa: E731, PLW0108 (see above)
    plain = Entry(replace(by.KLRS_KL, call=call), few)
    ours = Entry(by.KLRS_KL_IN_BITS, few)
    return Case("keywords", (plain, ours), (Target(ours, plain, 1 / 1.3),))
