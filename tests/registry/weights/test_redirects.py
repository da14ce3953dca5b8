import httpx
import pytest

from studio.registry.weights.redirects import PrivateRedirect, PublicRedirects
from tests.support.loops import run


@pytest.mark.parametrize("target", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "192.168.1.1", "localhost"])
def test_a_public_hub_never_leads_into_a_private_network(target: str) -> None:
    # 1.1.1.1 stands for any public hub; nothing is asked of it.
    hook = PublicRedirects("1.1.1.1")
    with pytest.raises(PrivateRedirect):
        run(hook(httpx.Request("GET", f"http://{target}/weights")))


def test_a_private_hub_may_name_its_neighbours_and_a_public_one_public_places() -> None:
    run(PublicRedirects("127.0.0.1")(httpx.Request("GET", "http://10.0.0.1/x")))
    run(PublicRedirects("1.1.1.1")(httpx.Request("GET", "https://8.8.8.8/x")))
    run(PublicRedirects("1.1.1.1")(httpx.Request("GET", "https://1.1.1.1/x")))
