import numpy as np

from studio.engines.diffusion.preview import LatentPreview


class ShrinkingVae:
    """A VAE whose latents are the picture at an eighth of its size, mixed by a fixed matrix."""

    class config:  # noqa: N801
        scaling_factor = 0.5

    def __init__(self, channels: int) -> None:
        import torch

        self.dtype, self.device = torch.float32, torch.device("cpu")
        self.mixture = torch.randn(channels, 3, generator=torch.Generator().manual_seed(1))

    def encode(self, picture):  # type: ignore[no-untyped-def]
        import torch

        small = torch.nn.functional.avg_pool2d(picture, 8)
        self.latents = torch.einsum("ck,bkhw->bchw", self.mixture, small)
        return self

    @property
    def latent_dist(self):  # type: ignore[no-untyped-def]
        return self

    def mode(self):  # type: ignore[no-untyped-def]
        return self.latents


def test_colours_are_recovered_from_latents() -> None:
    import torch

    vae = ShrinkingVae(4)
    preview = LatentPreview(vae)
    picture = torch.rand((1, 3, 64, 48))
    latents = vae.encode(picture * 2 - 1).mode() * vae.config.scaling_factor
    shown = preview.picture(latents)
    assert shown is not None
    assert shown.size == (6, 8)
    expected = torch.nn.functional.avg_pool2d(picture, 8)[0].permute(1, 2, 0).numpy() * 255
    np.testing.assert_allclose(np.asarray(shown), expected, atol=1)


def test_a_model_without_such_a_vae_has_no_preview() -> None:
    import torch

    assert LatentPreview(ShrinkingVae(4)).picture(torch.zeros(1, 5, 8, 8)) is None
    assert LatentPreview(object.__new__(ShrinkingVae)).picture(torch.zeros(1, 4, 8, 8)) is None
