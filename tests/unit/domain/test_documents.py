from fleet.domain.documents import Difference, differences


def test_a_difference_is_told_path_by_path() -> None:
    old = {
        "settings": {"camera": True, "lock_s": 60},
        "apps": {"required": [{"name": "emar", "version": "7.1"}]},
    }
    new = {
        "settings": {"lock_s": 90, "sound": False},
        "apps": {
            "required": [
                {"name": "barcode", "version": "2"},
                {"name": "emar", "version": "7.2"},
            ]
        },
    }
    assert differences(old, new) == [
        Difference("apps.required.barcode.version", "added", None, "2"),
        Difference("apps.required.emar.version", "changed", "7.1", "7.2"),
        Difference("settings.camera", "removed", True, None),
        Difference("settings.lock_s", "changed", 60, 90),
        Difference("settings.sound", "added", None, False),
    ]
    assert differences(new, new) == []


def test_true_is_another_value_than_one() -> None:
    [found] = differences({"settings": {"x": 1}}, {"settings": {"x": True}})
    assert found.change == "changed"
