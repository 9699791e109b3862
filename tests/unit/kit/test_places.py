from answerable.kit.places import Places


def test_nobody_gets_more_than_his_share_and_all_together_no_more_than_there_is() -> None:
    places = Places(most=3, most_each=2)

    assert [places.take("a"), places.take("a"), places.take("a")] == [True, True, False]
    assert [places.take("b"), places.take("b")] == [True, False]
    places.leave("a")
    assert places.take("b")
    assert not places.take("c")


def test_who_has_left_is_forgotten() -> None:
    places = Places(most=1, most_each=1)
    for n in range(1000):
        assert places.take(str(n))
        places.leave(str(n))

    assert vars(places)["_taken"] == {}
