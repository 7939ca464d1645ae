"""The networks that make vectors of images, and the input embedding that has them for the places of a row."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from threading import get_ident
from typing import TYPE_CHECKING, Any

import torch

from harness.models.places import AnswersPlaces

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_MIDDLE, _SPREAD = 127.5, 63.75
"""Pixels of patches are centred and scaled by these."""
_BLANK = 128
"""Every colour of every pixel of a blank image."""
SEEN_BYTES = 1 << 28
"""Bytes up to which the vectors of a vision model are remembered: those of some 87,000 images, at 768 numbers."""
_CHANNELS = 32
"""Channels of the first convolution."""


class Tower(torch.nn.Module):
    """A network that makes ``length`` vectors of an image of ``size`` pixels a side.

    ``constant`` are vectors (length, width) that stand in for those of an image, if it has them.
    """

    length: int
    size: int
    constant: torch.nn.Parameter | None

    def __init__(self) -> None:
        super().__init__()
        self.register_parameter("constant", None)

    @property
    def frozen(self) -> tuple[torch.nn.Module, ...]:
        """Parts that are never trained."""
        return ()

    def vectors(self, pixels: torch.Tensor, names: torch.Tensor | None = None) -> torch.Tensor:
        """Vectors (images, length, width) of pixels (images, size, size, 3), 0 to 255.

        ``names`` (images,) are numbers that tell images apart, for towers that remember what they have made of one.
        """
        raise NotImplementedError

    def described(self) -> dict[str, Any]:
        """Entries of a configuration from which :func:`described_tower` makes it again."""
        raise NotImplementedError

    def forward(
        self, pixels: torch.Tensor, blank: torch.Tensor | None = None, names: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Vectors (images, length, width); the constant ones where ``blank`` (images,) is true."""
        found = self.vectors(pixels, names)
        if blank is None or self.constant is None:
            return found
        # All take part in any case: the processes of a training wait for the gradients of every parameter.
        return torch.where(blank[:, None, None], self.constant.to(found.dtype), found)


class Patches(Tower):
    """A vector for every patch of an image, from top left to bottom right: linear, GELU, linear, and a learned position."""

    def __init__(self, size: int, patch: int, width: int) -> None:
        super().__init__()
        self.size, self.patch, self.length = size, patch, (size // patch) ** 2
        self.first = torch.nn.Linear(3 * patch * patch, width)
        self.second = torch.nn.Linear(width, width)
        self.positions = torch.nn.Parameter(torch.randn(self.length, width) * 0.02)

    def vectors(self, pixels: torch.Tensor, names: torch.Tensor | None = None) -> torch.Tensor:
        """See :meth:`Tower.vectors`."""
        count, side = len(pixels), self.size // self.patch
        scaled = (pixels.float() - _MIDDLE) / _SPREAD
        cut = scaled.view(count, side, self.patch, side, self.patch, 3).transpose(2, 3).reshape(count, self.length, -1)
        found: torch.Tensor = self.second(torch.nn.functional.gelu(self.first(cut))) + self.positions
        return found

    def described(self) -> dict[str, Any]:
        """See :meth:`Tower.described`."""
        return {"kind": "patches", "length": self.length, "size": self.size, "patch": self.patch}


class Convolutions(Tower):
    """A vector for every square of an image, which sees what is around it, too: convolutions that halve the image each.

    They have 3 x 3 pixels and GELU, and twice as many channels as the one before, up to ``width``. A linear layer and a learned
    position follow. A shape looks the same wherever it is, so that fewer images teach it than with :class:`Patches` (Xiao
    et al. 2021, "Early Convolutions Help Transformers See Better").
    """

    def __init__(self, size: int, patch: int, width: int) -> None:
        super().__init__()
        self.size, self.patch, self.length = size, patch, (size // patch) ** 2
        channels = [3, *(min(_CHANNELS << step, width) for step in range(patch.bit_length() - 1))]
        halving = [
            torch.nn.Sequential(torch.nn.Conv2d(before, after, 3, stride=2, padding=1), torch.nn.GELU())
            for before, after in pairwise(channels)
        ]
        self.halving = torch.nn.Sequential(*halving)
        self.last = torch.nn.Linear(channels[-1], width)
        self.positions = torch.nn.Parameter(torch.randn(self.length, width) * 0.02)

    def vectors(self, pixels: torch.Tensor, names: torch.Tensor | None = None) -> torch.Tensor:
        """See :meth:`Tower.vectors`."""
        scaled = ((pixels.float() - _MIDDLE) / _SPREAD).permute(0, 3, 1, 2)
        found: torch.Tensor = self.last(self.halving(scaled).flatten(2).transpose(1, 2)) + self.positions
        return found

    def described(self) -> dict[str, Any]:
        """See :meth:`Tower.described`."""
        return {"kind": "convolutions", "length": self.length, "size": self.size, "patch": self.patch}


TRAINED: Mapping[str, type[Patches | Convolutions]] = {"patches": Patches, "convolutions": Convolutions}
"""Towers that are trained from nothing, by their kind."""


class Seen:
    """Vectors of images by their numbers, at most so many ``most`` bytes of them: those that were asked for last.

    A copy has none of them: a model is copied to be written.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._vectors: OrderedDict[int, torch.Tensor] = OrderedDict()

    def __deepcopy__(self, memo: object) -> Seen:
        return Seen(self.most)

    def __len__(self) -> int:
        return len(self._vectors)

    def get(self, name: int, make: Callable[[], torch.Tensor]) -> torch.Tensor:
        """The vector of an image, made when it is not there."""
        found = self._vectors.pop(name, None)
        found = make() if found is None else found
        self._vectors[name] = found
        while len(self._vectors) * found.nbytes > self.most and len(self._vectors) > 1:
            self._vectors.popitem(last=False)
        return found


class Vision(Tower):
    """Vectors from the pooled vector of a frozen vision model, by ClipCap's network (Mokady et al. 2021).

    It is linear, tanh, linear, with half as many numbers in between as come out. ``about`` has the mean and the standard
    deviation ("mean", "std") of each colour, 0 to 1, that the model was trained with, and the "fingerprint" of its files.
    """

    def __init__(self, vision: PreTrainedModel, length: int, width: int, about: Mapping[str, Any]) -> None:
        super().__init__()
        self.length, self.width, self.about = length, width, dict(about)
        self.size = int(vision.config.image_size)
        self.vision: Any = vision.requires_grad_(False).eval()
        self._seen = Seen(SEEN_BYTES)
        inner = length * width // 2
        self.first = torch.nn.Linear(vision.config.hidden_size, inner)
        self.second = torch.nn.Linear(inner, length * width)

    @property
    def frozen(self) -> tuple[torch.nn.Module, ...]:
        """See :attr:`Tower.frozen`."""
        return (self.vision,)

    def train(self, mode: bool = True) -> Vision:
        """The vision model always computes as in tests."""
        super().train(mode)
        self.vision.eval()
        return self

    def vectors(self, pixels: torch.Tensor, names: torch.Tensor | None = None) -> torch.Tensor:
        """See :meth:`Tower.vectors`."""
        if names is None:
            pooled = self._pooled(pixels)
        else:
            # One image at a time, so that a vector has the same bits whichever images are remembered.
            pooled = torch.cat(
                [
                    self._seen.get(name, partial(self._pooled, image[None]))
                    for name, image in zip(names.tolist(), pixels, strict=True)
                ]
            )
        found: torch.Tensor = self.second(torch.tanh(self.first(pooled)))
        return found.view(len(pixels), self.length, self.width)

    def _pooled(self, pixels: torch.Tensor) -> torch.Tensor:
        """The pooled vectors of the vision model, (images, its width)."""
        mean, spread = (torch.tensor(self.about[name], device=pixels.device) for name in ("mean", "std"))
        scaled = ((pixels.float() / 255 - mean) / spread).permute(0, 3, 1, 2)
        with torch.no_grad():
            pooled: torch.Tensor = self.vision(pixel_values=scaled).pooler_output
        return pooled

    def described(self) -> dict[str, Any]:
        """See :meth:`Tower.described`."""
        config = self.vision.config
        said = {"kind": config.model_type, "length": self.length, "size": self.size}
        return {**said, "about": self.about, "vision": config.to_dict()}


def described_tower(said: Mapping[str, Any], width: int) -> Tower:
    """A tower with random weights as its configuration describes it; KeyError or ValueError for a description of none."""
    from transformers import AutoConfig, AutoModel

    if said["kind"] in TRAINED:
        return TRAINED[said["kind"]](said["size"], said["patch"], width)
    vision = AutoModel.from_config(AutoConfig.for_model(**said["vision"]))
    return Vision(vision, said["length"], width, said["about"])


class Pictured(AnswersPlaces):
    """An input embedding that has the vectors of images for places, mixed into the class that the embedding has.

    ``shown`` has by thread the arguments of the tower for the rows of the batch; without any the image is blank.
    """

    image_tower: Tower
    shown: dict[int, tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]]

    def placed(self, found: torch.Tensor, own: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The vectors in the order of the rows, also where these are one long one."""
        tower = self.image_tower
        if not own.any():  # what a decoder writes, or a text without a picture
            return found
        if get_ident() in self.shown:
            vectors = tower(*self.shown[get_ident()])
        else:
            count = int(own.sum()) // tower.length
            vectors = tower(torch.full((count, tower.size, tower.size, 3), _BLANK, device=own.device))
        return found.masked_scatter(own[..., None], vectors.to(found.dtype))
