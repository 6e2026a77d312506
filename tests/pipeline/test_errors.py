"""Exit codes are public: scripts and schedules depend on them."""

from pipeline import errors


def test_the_exit_codes_do_not_change():
    codes = {name: value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    assert codes == {
        "OK": 0,
        "NODE_FAILED": 1,
        "USAGE": 2,
        "REFUSED": 3,
        "SKIPPED": 99,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }
