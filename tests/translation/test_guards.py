import pytest

from spacy_xling.translation.guards import (
    find_doubts,
    is_copied,
    is_empty,
    is_impossible_length,
    is_repeated,
    is_wrong_script,
)

SOURCE = "The parcel arrived late and the box was broken."


@pytest.mark.parametrize(
    ("translation", "script"),
    [
        ("Pakken kom for sent, og æsken var i stykker.", "Latn"),
        ("Посылка пришла поздно, и коробка была сломана.", "Cyrl"),
        ("包裹来得很晚，盒子也坏了。", "Hans"),
        ("荷物が遅れて届き、箱が壊れていました。", "Jpan"),
        ("소포가 늦게 도착했고 상자가 부서졌습니다.", "Hang"),
        ("पार्सल देर से आया और डिब्बा टूटा हुआ था।", "Deva"),
        ("พัสดุมาถึงช้าและกล่องก็แตก", "Thai"),
        ("Pakken kom for sent, og æsken var i stykker.", None),
    ],
)
def test_a_good_translation_is_in_no_doubt(translation, script):
    assert find_doubts(SOURCE, translation, script=script) == ()


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        (SOURCE, "", True),
        (SOURCE, " .,! ", True),
        (SOURCE, "Nej", False),
        ("5", "5", False),
        ("?!", "", False),
    ],
)
def test_empty(source, translation, expected):
    assert is_empty(source, translation) is expected


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        (SOURCE, SOURCE, True),
        (SOURCE, SOURCE.upper().replace(".", "!"), True),
        (SOURCE, "The parcel arrived late and the box was whole.", False),
        # Names stay as they are.
        ("Microsoft Windows Vista", "Microsoft Windows Vista", False),
        ("包裹来得很晚", "包裹来得很晚", True),
    ],
)
def test_copied(source, translation, expected):
    assert is_copied(source, translation) is expected


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        (SOURCE, "pak pak pak pak", True),
        (SOURCE, "pak pak pak", False),
        (SOURCE, "Jeg ved, jeg ved, jeg ved det.", True),
        (SOURCE, "Jeg ved, jeg ved det.", False),
        (SOURCE, "a b c d e f g h " * 3, True),
        (SOURCE, "Pakken kom. Pakken er her. Pakken er god.", False),
        (SOURCE, "Nejnejnejnejnejnejnejnejnejnej", True),
        (SOURCE, "包裹包裹包裹", True),
        # As in the source.
        ("No no no no!", "Nej nej nej nej!", False),
        ("Looooooooooooool", "Hahahahahahahahahahahaha", False),
    ],
)
def test_repeated(source, translation, expected):
    assert is_repeated(source, translation) is expected


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        ("Hi.", "Goddag, hvordan har De det?", False),
        ("Hi.", "Goddag, hvordan har De det i dag, min kære ven?", True),
        (SOURCE * 2, "Ja.", True),
        # 38 letters, and 12 characters that count three each.
        (SOURCE, "包裹来得很晚盒子也坏了了", False),
        ("包裹来得很晚盒子也坏了了", SOURCE, False),
    ],
)
def test_impossible_length(source, translation, expected):
    assert is_impossible_length(source, translation) is expected


@pytest.mark.parametrize(
    ("translation", "script", "expected"),
    [
        ("Посылка пришла поздно", "Latn", True),
        ("Parcel prishla", "Cyrl", True),
        ("包裹来得很晚", "Jpan", False),
        ("はい、そうです", "Hans", True),
        ("NATO", "Hans", True),
        ("USA", "Hans", False),
        ("12:30", "Cyrl", False),
        ("anything", "Zzzx", False),
    ],
)
def test_wrong_script(translation, script, expected):
    assert is_wrong_script(SOURCE, translation, script=script) is expected


def test_names_may_stay_in_their_script():
    assert not is_wrong_script("I have Windows and Office", "У меня Windows и Office", script="Cyrl")
    assert is_wrong_script("I have Windows and Office", "U menya Windows i Office", script="Cyrl")


def test_all_doubts_are_named_and_what_was_ended_is_of_impossible_length():
    assert find_doubts(SOURCE, SOURCE, script="Cyrl") == ("copied",)
    assert find_doubts(SOURCE, "nej " * 60, script="Latn") == ("repeated", "length")
    assert find_doubts(SOURCE, "Pakken kom for sent", script="Latn", unfinished=True) == ("length",)
    assert find_doubts(SOURCE, "", script="Latn", unfinished=True) == ("empty",)
