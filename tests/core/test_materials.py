"""Words that name what a figurine is made of, and those that do not."""

import pytest

from slipcast.core.errors import BadInput
from slipcast.core.materials import FINISHES, STUFFS, material_of, name_material


@pytest.mark.parametrize(
    ("text", "roughness", "metallic"),
    [
        ("a dwarf, aged brass, satin metallic", 0.4, 1.0),
        ("an owl automaton, aged brass", 0.55, 0.8),
        ("an owl, aged brass, satin", 0.45, 0.8),
        ("a fox made of polished bronze with a long tail", 0.15, 1.0),
        ("a marble statue of a sleeping cat", 0.4, 0.0),
        ("a brass robot that waves", 0.35, 1.0),
        ("a dragon, matte", 0.9, 0.0),
        ("a bear, in matte vinyl", 0.9, 0.0),
        ("a knight carved from oak", 0.7, 0.0),
        ("A CAST-IRON frog; RUSTY", 0.85, 0.4),
        ("a wooden horse, glossy finish", 0.15, 0.0),
        ("a golden statue of a cat", 0.3, 1.0),
        ("a gold-plated figurine of a cat", 0.3, 1.0),
        ("a gilded dragon", 0.3, 1.0),
        ("figurine of an owl in matte black resin", 0.9, 0.0),
        ("an owl in matte black resin on a round base", 0.9, 0.0),
        ("bust of a king in gold", 0.3, 1.0),
        ("a toad in brushed stainless steel", 0.45, 1.0),
        ("a chrome robot, mirror finish", 0.04, 1.0),
        ("a chrome robot", 0.08, 1.0),
        ("a robot, mirror finish", 0.04, 1.0),
        ("a gold robot, polished", 0.15, 1.0),
    ],
)
def test_what_the_whole_is_made_of_is_read(text: str, roughness: float, metallic: float) -> None:
    named = name_material(text)
    assert named is not None
    assert (named.material.roughness, named.material.metallic) == (roughness, metallic)
    assert all(word in text.lower() for word in named.words)


@pytest.mark.parametrize(
    "text",
    [
        "a dwarf with a steel axe",
        "a silver fox",
        "statue of a golden retriever",
        "a golden retriever statue",
        "a girl in leather",
        "a lady in gold",
        "a knight in steel armour",
        "a genie in a glass bottle",
        "the sword in the stone",
        "a dwarf with an axe in steel",
        "a golden retriever that holds a stone",
        "a knight in shining armour, red cape",
        "a girl with satin ribbons and a leather bag",
        "a cat that leads a parade",
        "a flat cap on a mouse",
        "a brassy singer, a glassy stare",
        "",
    ],
)
def test_what_only_a_part_is_made_of_is_left_alone(text: str) -> None:
    assert name_material(text) is None


def test_a_name_counts_word_for_word() -> None:
    named = name_material("verdigris copper", whole=True)
    assert named is not None
    assert (named.material.roughness, named.material.metallic) == (0.85, 0.4)
    assert name_material("dragon skin", whole=True) is None


def test_what_was_asked_for_by_name_comes_before_the_words() -> None:
    facts = {"subject": "a brass owl", "material": {"name": "Jade", "metallic": 0.0, "roughness": 0.25}}
    named = material_of(facts)
    assert named is not None
    assert named.material.name == "Jade"
    named = material_of({"subject": "a brass owl"})
    assert named is not None
    assert named.material.metallic == 1.0
    assert material_of({"subject": "an owl", "prompt": "an owl on matte paper"}) is None
    assert material_of({}) is None
    with pytest.raises(BadInput, match="metallic 3"):
        material_of({"material": {"name": "Jade", "metallic": 3, "roughness": 0.25}})


def test_all_factors_are_shares_and_no_word_means_two_things() -> None:
    assert not set(STUFFS) & set(FINISHES)
    for roughness, metallic in [*STUFFS.values(), *FINISHES.values()]:
        assert 0 <= roughness <= 1
        assert metallic is None or 0 <= metallic <= 1
