"""The ten colours of the map stay apart for every common form of colour vision."""

import importlib.resources
import re

import numpy as np
import pytest

# Machado, Oliveira, Fernandes, "A physiologically-based model for simulation of color vision
# deficiency" (2009), severity 1, on linear RGB.
_VISION = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
# Ottosson, OKLab (2020).
_CONES = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
          [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
_LAB = [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660]]  # fmt: skip


def scheme(name):
    """Custom properties of the light or the dark scheme, as linear RGB."""
    style = importlib.resources.files("graph_barlow_twins.pretrain.report") / "page.css"
    light, dark = style.read_text("utf-8").split("@media screen and (prefers-color-scheme: dark)")
    found = re.findall(r"--([\w-]+): #(\w{6});", light if name == "light" else dark)
    colours = {}
    for key, digits in found:
        encoded = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255
        low, high = encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
        colours[key] = np.where(encoded <= 0.04045, low, high)
    return colours


def oklab(rgb):
    return np.cbrt(np.clip(rgb, 0, 1) @ np.transpose(_CONES)) @ np.transpose(_LAB)


@pytest.mark.parametrize("vision", _VISION)
@pytest.mark.parametrize("name", ["light", "dark"])
def test_groups_are_told_apart(name, vision):
    colours = scheme(name)
    seen = oklab(np.stack([colours[f"k{i}"] for i in range(10)]) @ np.transpose(_VISION[vision]))
    distances = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    least = np.min(distances[~np.eye(10, dtype=bool)])
    # 0.02 is about what is just noticeable. Tritan vision is rare, and the labels in the map help.
    assert least > (0.03 if vision == "tritan" else 0.09)


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize(("text", "ratio"), [("ink", 7), ("soft", 4.5), ("accent", 4.5)])
def test_text_has_contrast(name, text, ratio):
    """Web Content Accessibility Guidelines 2.2, 1.4.3 and 1.4.6."""
    colours = scheme(name)
    weights = [0.2126, 0.7152, 0.0722]
    for background in ("page", "card"):
        levels = sorted(float(colours[key] @ weights) + 0.05 for key in (text, background))
        assert levels[1] / levels[0] >= ratio, background
