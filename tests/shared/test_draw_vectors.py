"""The parts of a draw against vectors that others published."""

import pytest

from shared import draws


@pytest.mark.parametrize(
    ("message", "digest"),
    [  # FIPS 180-4, examples of SHA-256
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ],
)
def test_hashes_are_those_of_the_published_vectors(message, digest):
    assert draws.commitment(message) == digest


@pytest.mark.parametrize(
    ("seed", "entry", "number"),
    [  # github.com/ron-rivest/consistent_sampler: docstrings of first_ticket and make_ticket_heap
        (
            "01382438112797316654",
            "AB-130",
            "0.26299714122838008416507544297546663599715395525154425586041245287750224561854",
        ),
        (
            "xy()134!g2n",
            "cat",
            "0.24866413894129579898796850445568128508290132707747976039848637531569373309555",
        ),
        (
            "xy()134!g2n",
            "dog",
            "0.33886035615681875183111698317327684455682722683976874746986356932751818935066",
        ),
        (
            "xy()134!g2n",
            "fish",
            "0.74685932088827950509145941729789143204056041958068799542050396198792954500593",
        ),
        (
            "xy()134!g2n",
            "goat",
            "0.49599842072022713663423753308080171636735689997237236247068925068573448764387",
        ),
    ],
)
def test_tickets_are_those_of_the_published_consistent_sampler(seed, entry, number):
    assert draws.ticket(seed, entry) == number


@pytest.mark.parametrize(
    ("seed", "order"),
    [  # github.com/ron-rivest/consistent_sampler: USAGE_EXAMPLES.md, examples 1, 2, 4 and 5
        ("31", ["b", "a", "d", "c"]),
        ("77", ["b", "d", "c", "a"]),
        ("41", ["73", "51", "17", "58", "38", "42", "39", "20", "11", "67"]),
    ],
)
def test_the_order_of_tickets_is_that_of_the_published_samples(seed, order):
    population = "abcd" if len(order) == 4 else map(str, range(100))
    by_ticket = sorted(population, key=lambda entry: draws.ticket(seed, entry))
    assert by_ticket[: len(order)] == order
