"""The audit must find what it is there to find."""

from shared.catalogue import SERVICES
from shared.cli.demo import report

REVOKED = ("e1", "inspection.events", "project.revoked", "2020-P1-0001")


def ledgers(**changes):
    empty = {"published": [], "handled": [], "parked": [], "pending": 0}
    return {name: empty | changes.get(name, {}) for name in SERVICES}


def handlers_of_revoked():
    return {
        handler for handler, _event in report.pairs(ledgers(inspection={"published": [REVOKED]}))
    }


def test_every_service_that_follows_a_revocation_is_a_pair():
    services = {handler.split(".")[0] for handler in handlers_of_revoked()}
    assert services == {"intake", "scoring", "notification"}


def test_an_event_without_inbox_or_parked_row_is_lost():
    one, *others = sorted(handlers_of_revoked())
    handled = [[handler, "e1"] for handler in others]
    told = ledgers(inspection={"published": [REVOKED]}, scoring={"handled": handled})
    assert report.lost(told) == {(one, "e1")}


def test_a_parked_event_is_not_lost():
    kept = [[handler, "e1"] for handler in handlers_of_revoked()]
    told = ledgers(inspection={"published": [REVOKED]}, notification={"parked": kept})
    assert report.lost(told) == set()


def test_a_second_revocation_of_one_epoch_is_a_duplicate():
    told = ledgers(inspection={"published": [REVOKED, ("e2", *REVOKED[1:])]})
    epochs = [("2020-P1-0001", 1)]
    assert report.duplicates(told, [], [], epochs) == 1
    assert report.duplicates(told, [], [], [*epochs, ("2020-P1-0001", 2)]) == 0


def test_a_second_acknowledgement_of_one_outlet_is_a_duplicate():
    row = ("intake.events", "revocation.acknowledged", "2020-P1-0001/1/bar")
    told = ledgers(intake={"published": [("e1", *row), ("e2", *row)]})
    assert report.duplicates(told, [], [], []) == 1


def test_a_second_circular_and_a_second_letter_are_duplicates():
    circular = {"project": "p", "epoch": 1, "kind": "revocation"}
    letter = {"cause": "e1", "subscriber": "contact:p"}
    assert report.duplicates(ledgers(), [circular] * 2, [letter] * 3, []) == 3


def test_pending_events_of_all_services_count():
    assert report.pending(ledgers(intake={"pending": 2}, inspection={"pending": 3})) == 5
