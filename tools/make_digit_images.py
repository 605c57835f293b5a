"""Make the images that examples/digits_vae.py learns: the UCI digits of scikit-learn.

    python tools/make_digit_images.py [--directory examples]

Needs scikit-learn; nothing is downloaded. Two runs give the same file.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

PROVENANCE = """\
digits.npz has {count} images of handwritten digits, one row each: 8 x 8 pixels from 0 to
{brightest}, uint8, as scikit-learn carries them (load_digits), with values unchanged. They are the
test set of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak, UCI Machine
Learning Repository, 1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0.

Made by tools/make_digit_images.py in the repository of klrs.
"""


def main() -> None:
    """Write the images and where they come from."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, default=EXAMPLES, help="where to write")
    directory: Path = parser.parse_args().directory

    images = load_digits().data.astype(np.uint8)
    np.savez_compressed(directory / "digits.npz", images=images)
    provenance = PROVENANCE.format(count=len(images), brightest=images.max())
    (directory / "PROVENANCE.txt").write_text(provenance, encoding="utf-8")


if __name__ == "__main__":
    main()
