"""Fault 23: two people edit one profile's assignment: one 412, no lost update."""

from flask import Flask

from tests.support.api import Hospital


def test_fault_23_of_two_who_move_one_assignment_one_is_refused(app: Flask) -> None:
    hospital = Hospital(app)
    hospital.register("C-1")
    for timeout in (120, 60, 30):
        hospital.load(settings={"screen_timeout_s": timeout, "bluetooth": False})
    path = f"/assignments/{hospital.assign()}"
    etag = hospital.get(path).headers["ETag"]
    first = hospital.patch(path, {"number": 2}, if_match=etag)
    second = hospital.patch(path, {"number": 3}, if_match=etag)
    assert (first.status_code, second.status_code) == (200, 412)
    assert hospital.get(path).get_json()["number"] == 2
    again = hospital.patch(path, {"number": 3}, if_match=hospital.get(path).headers["ETag"])
    assert again.get_json()["number"] == 3
