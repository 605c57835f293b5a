"""Record what torch's losses answer, for tests/test_torch_losses.py, which needs no torch.

    python tools/record_torch.py [--file tests/data/torch_losses.json]

Needs torch (any build; it runs on the CPU) and NumPy. Every case is a call of `klrs.logits` as its
verb, the names of its operands and its keywords; beside it is what torch's functions for the same
loss gave in float64: the value, and by autograd the gradient of the value's sum with respect to the
logits. `logits` and the other arrays are written once, and floats so that they are read exactly.
A value that is NaN or infinite is written as a string.

Where torch's own keywords differ the case is written in those of klrs:

- classes are along axis 1 in torch; where there are more axes the case has axis=1;
- torch ignores a label of -100 unless told otherwise, klrs none;
- kl_div's reduction="batchmean" is "mean", and its reduction="none" is summed over the classes;
- a temperature divides the logits before torch sees them;
- integer sample weights are answered by a batch in which each row occurs that often.
"""

import argparse
import itertools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

FILE = Path(__file__).resolve().parent.parent / "tests" / "data" / "torch_losses.json"
REDUCTIONS = (None, "sum", "mean")
IGNORED = 3

Arrays = dict[str, Tensor]
Case = dict[str, Any]


def make_arrays() -> Arrays:
    """The operands, by the names that the cases call them by."""
    rng = np.random.default_rng(0)

    def logits(*shape: int) -> Tensor:
        # Few digits keep the file small, and are no easier than many.
        return torch.tensor(np.round(rng.normal(0, 3, shape), 3))

    def distributions(*shape: int, axis: int = -1) -> Tensor:
        shares = rng.dirichlet(np.full(shape[axis], 0.7), np.delete(shape, axis))
        return torch.tensor(np.moveaxis(rng.multinomial(64, shares), -1, axis) / 64)

    masked = logits(3, 5)
    masked[0, 1] = masked[1, 0] = masked[1, 4] = -torch.inf
    return {
        "teacher": logits(5, 4),
        "logits": logits(5, 4),
        "far": torch.tensor(np.round(rng.normal(0, 100, (4, 3)))),
        "volume": logits(2, 3, 2),
        "teacher_volume": logits(2, 3, 2),
        "row": logits(4),
        "masked": masked,
        "labels": torch.tensor([2, 0, IGNORED, 3, 1]),
        "labels_ignored": torch.full((5,), IGNORED),
        "labels_padded": torch.tensor([2, -100, 3, -100, 1]),
        "labels_of_far": torch.tensor([0, 1, 2, 2]),
        "labels_without_weight": torch.tensor([1, 1, 1, 1]),
        "labels_of_volume": torch.tensor([[0, 2], [1, 1]]),
        "label_of_row": torch.tensor(1),
        "labels_of_masked": torch.tensor([0, 2, 4]),
        "targets": distributions(5, 4),
        "targets_of_volume": distributions(2, 3, 2, axis=1),
        "targets_of_row": distributions(4),
        "binary_targets": torch.tensor(
            [[0, 1, 0.25, 1], [0.5, 0, 1, 0], [1, 1, 0, 0.875], [0, 0, 0, 1], [0.125, 0.5, 1, 0]],
            dtype=torch.float64,
        ),
        "weights_of_4": torch.tensor([0.5, 2.0, 1.25, 0.3], dtype=torch.float64),
        "weights_of_3": torch.tensor([1.5, 0.0, 0.7], dtype=torch.float64),
        "repeats": torch.tensor([1, 3, 0, 2, 1]),
    }


class Recorder:
    """Calls torch for cases, and collects them with its answers."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.cases: list[Case] = []

    def record(
        self,
        verb: str,
        loss: Callable[..., Tensor],
        *operands: str,
        differentiated: tuple[int, ...] = (1,),
        **keywords: Any,
    ) -> None:
        """One case; `loss` takes the operands as tensors, and is differentiated by some of them."""
        tensors = [self.arrays[it].clone() for it in operands]
        for it in differentiated:
            tensors[it].requires_grad_()
        value = loss(*tensors)
        if differentiated:
            value.sum().backward()
        gradients = {str(it): written(tensors[it].grad) for it in differentiated}
        call = {"verb": verb, "operands": operands, "keywords": keywords}
        self.cases.append(call | {"value": written(value.detach()), "gradients": gradients})


def written(tensor: Tensor | None) -> Any:
    """A tensor as nested lists; json's numbers cannot be NaN or infinite, so those are strings."""
    if tensor is None:
        raise ValueError("autograd left no gradient")

    def scalar(x: Any) -> Any:
        if isinstance(x, list):
            return [scalar(it) for it in x]
        return x if isinstance(x, int) or math.isfinite(x) else str(x)

    return scalar(tensor.tolist())


def options(**choices: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    """Every combination, without the keywords that are None."""
    for combination in itertools.product(*choices.values()):
        pairs = zip(choices, combination, strict=True)
        yield {name: value for name, value in pairs if value is not None}


def cross_entropy(
    arrays: Arrays,
    *,
    class_weights: str | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "none",
    temperature: float = 1.0,
    sample_weight: str | None = None,
    axis: int = 1,
) -> Callable[[Tensor, Tensor], Tensor]:
    """The function of torch of the targets and the logits, for klrs' keywords."""

    def loss(targets: Tensor, logits: Tensor) -> Tensor:
        if sample_weight is not None:
            rows = torch.repeat_interleave(torch.arange(len(logits)), arrays[sample_weight])
            targets, logits = targets[rows], logits[rows]
        return functional.cross_entropy(
            logits / temperature,
            targets,
            weight=None if class_weights is None else arrays[class_weights],
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            reduction=reduction,
        )

    return loss


def record_cross_entropy(recorder: Recorder) -> None:
    """Labels and distributions: weights, smoothing, ignored labels, reductions."""

    def record(targets: str, logits: str, **keywords: Any) -> None:
        loss = cross_entropy(recorder.arrays, **keywords)
        recorder.record("cross_entropy", loss, targets, logits, **keywords)

    for it in options(
        class_weights=(None, "weights_of_4"),
        ignore_index=(None, IGNORED),
        label_smoothing=(None, 0.1),
        reduction=REDUCTIONS,
    ):
        record("labels", "logits", **it)
        if "ignore_index" in it:
            record("labels_ignored", "logits", **it)
    for it in options(
        class_weights=(None, "weights_of_4"), label_smoothing=(None, 0.1), reduction=REDUCTIONS
    ):
        record("targets", "logits", **it)
        record("labels_padded", "logits", ignore_index=-100, **it)
    for it in options(label_smoothing=(None, 0.1), reduction=REDUCTIONS):
        record("labels_without_weight", "far", class_weights="weights_of_3", **it)
    for it in options(
        class_weights=(None, "weights_of_3"), label_smoothing=(None, 0.1), reduction=REDUCTIONS
    ):
        record("labels_of_volume", "volume", axis=1, **it)
        record("targets_of_volume", "volume", axis=1, **it)
        record("labels_of_far", "far", **it)
    for it in options(class_weights=(None, "weights_of_4"), label_smoothing=(None, 0.1)):
        # torch's "none" of one row is a scalar too.
        record("label_of_row", "row", **it)
        record("targets_of_row", "row", **it)
        record("label_of_row", "row", reduction="mean", **it)
        for targets, ignore_index in itertools.product(("labels", "targets"), (None, IGNORED)):
            if targets == "labels" or ignore_index is None:
                repeated = it | ({} if ignore_index is None else {"ignore_index": ignore_index})
                for reduction in ("sum", "mean"):
                    record(
                        targets, "logits", sample_weight="repeats", reduction=reduction, **repeated
                    )
    for it in options(temperature=(0.5, 3.0), reduction=REDUCTIONS):
        record("labels", "logits", label_smoothing=0.3, class_weights="weights_of_4", **it)
        record("targets", "logits", **it)
    for it in options(label_smoothing=(0.5, 1.0)):
        record("labels", "logits", class_weights="weights_of_4", **it)
        record("targets", "logits", class_weights="weights_of_4", **it)
    for it in options(reduction=REDUCTIONS, temperature=(None, 0.7)):
        record("labels_of_masked", "masked", **it)


def record_perplexity(recorder: Recorder) -> None:
    """The exponential of the cross-entropy: of each row's, or of the mean."""
    for it in options(
        class_weights=(None, "weights_of_4"),
        ignore_index=(None, IGNORED),
        label_smoothing=(None, 0.1),
        temperature=(None, 2.0),
        reduction=(None, "mean"),
    ):
        nats = cross_entropy(recorder.arrays, **it)
        recorder.record(
            "perplexity", lambda t, x, nats=nats: nats(t, x).exp(), "labels", "logits", **it
        )
    for it in options(label_smoothing=(None, 0.1), reduction=(None, "mean")):
        nats = cross_entropy(recorder.arrays, **it)
        recorder.record(
            "perplexity", lambda t, x, nats=nats: nats(t, x).exp(), "targets", "logits", **it
        )


def record_binary_cross_entropy(recorder: Recorder) -> None:
    """Elementwise, with a weight of the positive class for all or for each column."""
    for it in options(
        pos_weight=(None, 3.0, "weights_of_4"),
        temperature=(None, 0.5),
        reduction=REDUCTIONS,
    ):

        def loss(
            targets: Tensor,
            logits: Tensor,
            pos_weight: float | str | None = None,
            temperature: float = 1.0,
            reduction: str = "none",
        ) -> Tensor:
            if isinstance(pos_weight, str):
                weight = recorder.arrays[pos_weight]
            else:
                weight = None if pos_weight is None else torch.tensor(pos_weight)
            return functional.binary_cross_entropy_with_logits(
                logits / temperature, targets, pos_weight=weight, reduction=reduction
            )

        recorder.record(
            "binary_cross_entropy",
            lambda t, x, it=it, loss=loss: loss(t, x, **it),
            *("binary_targets", "logits"),
            **it,
        )


def kl_divergence(
    teacher: Tensor,
    student: Tensor,
    *,
    temperature: float = 1.0,
    reduction: str | None = None,
    temperature_squared: bool = False,
    axis: int = -1,
) -> Tensor:
    """What the field writes with kl_div for the divergence of two rows of logits."""
    log_q = functional.log_softmax(student / temperature, dim=axis)
    p = functional.softmax(teacher / temperature, dim=axis)
    scale = temperature**2 if temperature_squared else 1.0
    if reduction is None:
        return scale * functional.kl_div(log_q, p, reduction="none").sum(axis)
    reduction = "batchmean" if reduction == "mean" else reduction
    return scale * functional.kl_div(log_q, p, reduction=reduction)


def record_kl_divergence(recorder: Recorder) -> None:
    """kl_div of log_softmax and softmax, as for distillation, and its transposed cases."""
    for it in options(
        temperature=(None, 0.7, 2.0), temperature_squared=(None, True), reduction=REDUCTIONS
    ):
        recorder.record(
            "kl_divergence",
            lambda p, q, it=it: kl_divergence(p, q, **it),
            *("teacher", "logits"),
            differentiated=(0, 1),
            **it,
        )
    for it in options(axis=(-1, 1), temperature=(None, 2.0)):
        recorder.record(
            "kl_divergence",
            lambda p, q, it=it: kl_divergence(p, q, **it),
            *("teacher_volume", "volume"),
            differentiated=(0, 1),
            **it,
        )


def record_softmax(recorder: Recorder) -> None:
    """softmax, its logarithm, and the sum that it is divided by."""
    for it in options(temperature=(None, 0.7, 5.0)):
        for name in ("logits", "far", "masked", "row"):
            of = {"temperature": 1.0} | it
            for verb in ("log_softmax", "softmax"):
                function = getattr(functional, verb)
                recorder.record(
                    verb,
                    lambda x, function=function, of=of: function(x / of["temperature"], dim=-1),
                    name,
                    differentiated=(),
                    **it,
                )
            recorder.record(
                "logsumexp",
                lambda x, of=of: torch.logsumexp(x / of["temperature"], dim=-1),
                name,
                differentiated=(0,),
                **it,
            )


def main() -> None:
    """Record, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, default=FILE, help="where to write")
    file: Path = parser.parse_args().file

    recorder = Recorder(make_arrays())
    record_cross_entropy(recorder)
    record_perplexity(recorder)
    record_binary_cross_entropy(recorder)
    record_kl_divergence(recorder)
    record_softmax(recorder)
    arrays = {name: written(array) for name, array in recorder.arrays.items()}

    def lines(items: list[str]) -> str:
        return ",\n".join(items)

    # One array and one case a line: a change of torch's answers is a diff that can be read.
    compact = {"separators": (",", ":"), "allow_nan": False}
    file.write_text(
        f'{{"torch":{json.dumps(torch.__version__.partition("+")[0])},\n"arrays":{{\n'
        + lines([f"{json.dumps(k)}:{json.dumps(v, **compact)}" for k, v in arrays.items()])
        + '\n},\n"cases":[\n'
        + lines([json.dumps(case, **compact) for case in recorder.cases])
        + "\n]}\n",
        encoding="utf-8",
    )
    print(f"{file}: {len(recorder.cases)} cases of torch {torch.__version__}")


if __name__ == "__main__":
    main()
