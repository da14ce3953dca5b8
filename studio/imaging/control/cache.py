"""Control images that were made already, by what they were made from."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b

from PIL import Image


@dataclass(frozen=True)
class ControlImage:
    """What a ControlNet reads."""

    image: Image.Image
    """Mode RGB, exactly as large as the picture it steers."""
    annotator: str
    resolution: int
    """Pixels of the shorter side at which the source was annotated."""
    model: str | None = None
    """The id of the network that drew it."""
    notice: str | None = None
    """A message key for something the user should know, such as that nothing was found."""

    @property
    def nbytes(self) -> int:
        return self.image.width * self.image.height * len(self.image.getbands())


def content_key(image: Image.Image, *made: object) -> bytes:
    """A digest of a picture's pixels and of everything that is done with them."""
    digest = blake2b(repr((image.size, image.mode, made)).encode(), digest_size=20)
    digest.update(image.tobytes())
    return digest.digest()


class ControlCache:
    """Keeps the control images used last, in no more than `most` bytes; safe between threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._images: OrderedDict[bytes, ControlImage] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all pictures it keeps."""
        return self._held

    def __len__(self) -> int:
        return len(self._images)

    def get(self, key: bytes) -> ControlImage | None:
        """The image made from the same; None where it was never made or has made room for others."""
        with self._lock:
            found = self._images.get(key)
            if found is not None:
                self._images.move_to_end(key)
            return found

    def keep(self, key: bytes, made: ControlImage) -> ControlImage:
        """Keep an image, and return the one to use: another thread may have made the same meanwhile."""
        with self._lock:
            found = self._images.setdefault(key, made)
            if found is made:
                self._held += made.nbytes
            self._images.move_to_end(key)
            while self._held > self._most:
                _, oldest = self._images.popitem(last=False)
                self._held -= oldest.nbytes
            return found
