"""What a person sees of a changed schema: the changed features, and nothing of the others."""

import pytest

from pipeline.commands import schema_diff

FARE = 'feature { name: "fare" type: FLOAT }'
PAYMENT = 'feature { name: "payment" type: BYTES domain: "payment" }'
CASH = 'string_domain { name: "payment" value: "Cash" }'
CARD = 'string_domain { name: "payment" value: "Cash" value: "Card" }'


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (FARE, FARE, []),
        (FARE + PAYMENT, PAYMENT + FARE, []),  # another order is no change
        ("", FARE, ["feature 'fare':", '+ name: "fare"', "+ type: FLOAT"]),
        (PAYMENT + FARE, PAYMENT, ["feature 'fare':", '- name: "fare"', "- type: FLOAT"]),
        (FARE, FARE.replace("FLOAT", "INT"), ["feature 'fare':", '  name: "fare"', "- type: FLOAT", "+ type: INT"]),
        (
            FARE + CASH,
            FARE + CARD,
            ["string domain 'payment':", '  name: "payment"', '  value: "Cash"', '+ value: "Card"'],
        ),
    ],
)
def test_only_what_has_changed_is_shown(old, new, lines):
    assert list(schema_diff.lines(old, new)) == lines
