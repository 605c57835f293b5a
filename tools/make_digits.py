"""Make the demo's data: what a classifier of handwritten digits predicts, and the same in 4 bits.

    python tools/make_digits.py [--directory python/klrs/_demo]

Needs scikit-learn, which carries the images; nothing is downloaded. A small network is trained on
one half of the UCI digits. What it says about the other half is written twice, as logits and as
probabilities: with the weights as trained, and with every weight rounded to 4 bits. The true labels
are written beside them. Somebody who made a model smaller and asks what that cost has such arrays.

Two runs on one machine give the same files. Another linear-algebra library rounds differently while
training, and then the numbers change a little.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

SEED = 0
HIDDEN_UNITS = 32
BITS = 4
DEMO_DIRECTORY = Path(__file__).resolve().parent.parent / "python" / "klrs" / "_demo"

PROVENANCE = """\
What two classifiers of handwritten digits say about {held_out} images that neither was trained on,
one row per image, {classes} classes, float32; and what is on the images, uint8.

    digits_full.npy, digits_full_logits.npy   float32 weights, accuracy {accuracy_full:.2%}
    digits_4bit.npy, digits_4bit_logits.npy   the same in {bits} bits, accuracy {accuracy_4bit:.2%}
    digits_labels.npy                         the true labels

The logits are the outputs of the last layer; the others are their softmax, probabilities.

Images: the {images} images of 8 x 8 pixels that scikit-learn carries (load_digits), from "Optical
Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak, UCI Machine Learning Repository,
1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0. No image is in these files.

Classifier: MLPClassifier of scikit-learn {sklearn} with {pixels} inputs, {hidden} hidden units and
{parameters} parameters, seed {seed}, trained on the other {trained} images. The 4-bit weights are
integers from -{level} to {level} times one scale per layer; the biases stay as they are.

Made by tools/make_digits.py in the repository of klrs; same licence as klrs.
"""


@dataclass(frozen=True)
class Layer:
    """One affine layer: inputs @ weights + bias."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __call__(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the layer makes of a batch of inputs."""
        return inputs @ self.weights + self.bias

    def rounded(self, bits: int) -> "Layer":
        """Each weight rounded to the nearest of 2**bits - 1 equidistant values; the bias stays."""
        scale = np.abs(self.weights).max() / largest_integer(bits)
        return Layer(np.rint(self.weights / scale) * scale, self.bias)


def largest_integer(bits: int) -> int:
    """The largest integer of a symmetric signed format: 7 for 4 bits."""
    return int(2 ** (bits - 1) - 1)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities from logits, row by row."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True), dtype=np.float32)


def predict(layers: list[Layer], inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits of a network with rectified hidden layers, in float32 throughout."""
    *hidden, last = layers
    for layer in hidden:
        inputs = np.maximum(layer(inputs), np.float32(0))
    return last(inputs)


def train(images: NDArray[np.float32], labels: NDArray[np.int64]) -> list[Layer]:
    """The layers of a network that learned these labels."""
    network = MLPClassifier((HIDDEN_UNITS,), alpha=0.1, max_iter=2000, random_state=SEED)
    network.fit(images, labels)
    return [
        Layer(weights.astype(np.float32), bias.astype(np.float32))
        for weights, bias in zip(network.coefs_, network.intercepts_, strict=True)
    ]


def main() -> None:
    """Train, round, predict, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, default=DEMO_DIRECTORY, help="where to write")
    directory: Path = parser.parse_args().directory

    digits = load_digits()
    images = (digits.data / digits.data.max()).astype(np.float32)
    seen, held_out, seen_labels, held_out_labels = train_test_split(
        images, digits.target, test_size=0.5, random_state=SEED, stratify=digits.target
    )
    layers = train(seen, seen_labels)
    full = predict(layers, held_out)
    four_bit = predict([layer.rounded(BITS) for layer in layers], held_out)

    for name, logits in (("full", full), ("4bit", four_bit)):
        np.save(directory / f"digits_{name}.npy", softmax(logits))
        np.save(directory / f"digits_{name}_logits.npy", logits)
    np.save(directory / "digits_labels.npy", held_out_labels.astype(np.uint8))
    provenance = PROVENANCE.format(
        held_out=len(held_out),
        trained=len(seen),
        images=len(images),
        pixels=images.shape[1],
        hidden=HIDDEN_UNITS,
        classes=full.shape[1],
        parameters=sum(layer.weights.size + layer.bias.size for layer in layers),
        accuracy_full=np.mean(full.argmax(axis=1) == held_out_labels),
        accuracy_4bit=np.mean(four_bit.argmax(axis=1) == held_out_labels),
        bits=BITS,
        level=largest_integer(BITS),
        sklearn=sklearn.__version__,
        seed=SEED,
    )
    (directory / "PROVENANCE.txt").write_text(provenance, encoding="utf-8")
    print(provenance)


if __name__ == "__main__":
    main()
