"""Waits grow to their cap and stay there, however often something has failed."""

from datetime import timedelta

import pytest

from shared.spine.patience import Patience


@pytest.mark.parametrize(("attempts", "longest"), [(1, 1), (2, 2), (5, 16), (9, 60), (5_000, 60)])
def test_a_wait_is_between_half_and_all_of_its_ceiling(attempts, longest):
    for _ in range(20):
        wait = Patience(cap_seconds=60).delay(attempts)
        assert timedelta(seconds=longest / 2) <= wait <= timedelta(seconds=longest)
