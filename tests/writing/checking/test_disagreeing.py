"""Numbers that differ between sections."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.writing.checking.disagreeing import MOST, Disagreement, disagreements
from studio.writing.checking.measuring import measured
from studio.writing.requests import Language, Outline, Section

SAID = [
    "Choose a pot that is at least 30 cm deep.",
    "Fill a 15 cm deep pot with soil.",
    "A nap should last no longer than 20 minutes.",
    "Naps of half an hour are best.",
    "Rent should stay below 30 percent of your income.",
    "Spend **no more than 40%** of your income on [rent](https://example.org/rent).",
    "花盆至少要 30 厘米深。",
    "选一个十五厘米深的花盆就够了。",
    "每天给猫喂食两次。",
    "猫每天要喂食四次！",
    "- 3 cups, 2–3 times a day\n",
    "```\npot = 40 cm\n```\n",
    "百分之三十，零下 5 度。",
]
PIECES = st.one_of(
    st.sampled_from(SAID),
    st.text(alphabet='0123456789.,-–~%°€$ cmhkg个天度厘米半一二三十百分之第的。，\n*`[](#|“”"', max_size=40),
)
TEXTS = st.lists(PIECES, max_size=8).map(" ".join)
LANGUAGES = st.sampled_from(["en", "zh"])


def found(language: Language, *texts: str) -> list[tuple[str, str]]:
    return [(each.first[1], each.second[1]) for each in disagreements(dict(enumerate(texts)), language)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Choose a pot that is at least 30 cm deep.", "Fill a 0.15 m deep pot with soil."),
        ("Choose a pot that is at least 30 cm deep.", "The pot should be at least 40 centimetres deep."),
        ("A nap should last no longer than 20 minutes.", "Naps of half an hour are best."),
        ("Rent should stay below 30 percent of your income.", "Spend no more than 40% of your income on rent."),
        ("Keep the cat in one room for the first 3 days.", "Leave the cat in the one room for the first ten days."),
        ("Feed your cat twice a day.", "Feed the cat four times a day."),
        ("The water should be between 92 and 96 °C.", "Water of 85 degrees Celsius is best."),
        ("A guided tour takes 2 hours.", "The guided tour lasts 45 minutes and starts in the hall."),
        ("Adult tickets cost $15.", "Tickets cost 18 dollars for adults."),
        ("Add two and a half cups of flour.", "Take 4 cups of flour."),
        ("The hut has thirty-six beds.", "The hut has fifty beds and is full in August."),
        ("Seeds germinate in 5 to 10 days.", "Sow the seeds in spring. They germinate in 3 weeks."),
        ("About 160,000 cars cross the bridge every day.", "Some 0.2 million cars cross the bridge each day."),
    ],
)
def test_another_number_for_the_same_thing_is_pointed_out(first: str, second: str) -> None:
    assert len(found("en", first, second)) == 1
    assert len(found("en", second, first)) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("花盆至少要 30 厘米深。", "选一个十五厘米深的花盆就够了。"),
        ("房租不要超过收入的百分之三十。", "房租可以占到收入的 40%。"),
        ("番茄每天需要 6 小时的直射阳光。", "番茄每天只要三小时阳光。"),
        ("移栽后大约 60 天成熟。", "移栽后 90 天左右果子成熟。"),
        ("前 3 天只让猫待在一个房间里。", "前十天让猫待在一个房间里。"),
        ("每天给猫喂食两次。", "猫每天要喂食四次。"),
        ("卧室温度 18 度最合适。", "卧室温度最好保持在 25℃。"),
        ("山屋有 36 张床。", "山屋只有二十张床，要提前订。"),
        ("午睡不要超过 20 分钟。", "每天一定要保证至少半小时的午睡。"),
        ("面团发酵一个半小时。", "面团要发酵三四个小时。"),
    ],
)
def test_another_number_for_the_same_thing_is_pointed_out_in_chinese(first: str, second: str) -> None:
    assert len(found("zh", first, second)) == 1
    assert len(found("zh", second, first)) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("A pot at least 30 cm deep is right.", "Our pot is 40 cm deep."),
        ("The trip takes 2 to 3 days.", "Plan 3 days for the trip."),
        ("The trip takes 2–3 days.", "The trip takes between two and three days."),
        ("Bake the bread for 90 minutes.", "Bake the bread for 1.5 hours."),
        ("Bake the bread for 2 hours and 30 minutes.", "Bake the bread for 150 minutes."),
        ("The walk is about 60 km long.", "The walk is 62 km long."),
        ("The city has 1.5 million people.", "The city has 1,480,000 people."),
        ("The pot is 12 inches (30 cm) deep.", "The pot is 30 cm deep."),
        ("花盆要 20 到 30 厘米深。", "花盆要 25 厘米深。"),
        ("发酵半小时。", "发酵三十分钟。"),
        ("面团发酵两个半小时。", "面团发酵 2 小时 30 分钟。"),
        ("房租占收入的三成。", "房租占收入的百分之三十。"),
    ],
)
def test_the_same_number_said_otherwise_agrees(first: str, second: str) -> None:
    language: Language = "zh" if "。" in first else "en"
    assert found(language, first, second) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Basil needs 4 hours of direct sun a day.", "Tomatoes need 6 hours of direct sun a day."),
        ("In winter, water the basil every 10 days.", "Water the basil every 3 days."),
        ("Bake the bread for 30 minutes.", "Cool the bread for 10 minutes."),
        ("Rest the dough for 30 minutes.", "The dough weighs 900 grams."),
        ("The pot is 30 cm deep.", "The pot is 20 cm wide."),
        ("The museum opened in 1911.", "The museum opened a wing in 1985."),
        ("In 1985 the museum had 90,000 visitors a year.", "In 2010 the museum had 250,000 visitors a year."),
        ("The museum opens at 10:30.", "The museum opens at 9:00 on Sundays."),
        ("Water the roses for the 2nd time in May.", "Water the roses for the 3rd time in June."),
        ("One of the cats sleeps in the box.", "Three of the cats sleep in the box."),
        ("Water the pots twice a week.", "Water the pots with 2 litres."),
        ("Feed the cat 40 grams.", "Feed the kitten 20 grams."),
        ("If you earn 2,000 euros, aim for a rent of 600 euros.", "Aim for a rent of 900 euros."),
        ("Is a pot of 20 cm deep enough?", "The pot is 40 cm deep."),
        ("A pot 20 cm deep is not enough.", "The pot is 40 cm deep."),
        ("For example, a pot that is 20 cm deep.", "The pot is 40 cm deep."),
        ('She says "the pot is 20 cm deep".', "The pot is 40 cm deep."),
        ("```\nThe pot is 20 cm deep.\n```", "The pot is 40 cm deep."),
        ("### A pot 20 cm deep", "The pot is 40 cm deep."),
        ("| Pot | 20 cm deep |\n|---|---|\n| Pot | 30 cm deep |", "The pot is 40 cm deep."),
        ("1. Water the pot.\n2. Days pass.", "3. Water the pot.\n4. Days pass."),
        ("Use version 2.5 of the program.", "Use version 3.1 of the program."),
        ("Follow these three steps.", "Follow these five steps."),
        ("罗勒每天需要 4 小时阳光。", "番茄每天需要 6 小时阳光。"),
        ("夏天每两天浇一次水。", "冬天每十天浇一次水。"),
        ("花盆深 30 厘米。", "花盆宽 40 厘米。"),
        ("公园建于 1911 年。", "公园在 1985 年扩建。"),
        ("早上 6 点开门。", "早上 8 点开门。"),
        ("5 月 3 日播种。", "6 月 9 日播种。"),
        ("第 3 天浇水。", "第 7 天浇水。"),
        ("例如，房租占收入的 50%。", "房租占收入的 30%。"),
        ("一些猫很胆小，十分怕人。", "三只猫都不怕人。"),
    ],
)
def test_numbers_of_different_things_are_left_alone(first: str, second: str) -> None:
    language: Language = "zh" if "。" in first else "en"
    assert found(language, first, second) == []


def test_sections_about_one_thing_each_may_differ() -> None:
    basil = "Basil is easy. It germinates in 5 days. Sow the seeds 1 cm deep. Water it every 2 days."
    mint = "Mint is easier. It germinates in 12 days. Sow the seeds 2 cm deep. Water it every 4 days."
    assert found("en", basil, mint) == []
    assert found("en", f"Herbs.\n\n### Basil\n\n{basil}", f"More.\n\n### Mint\n\n{mint}") == []
    phones = [f"屏幕 {size} 英寸，充满电要 {minutes} 分钟。" for size, minutes in ((6.1, 45), (6.7, 70), (5.8, 90))]
    assert found("zh", *phones) == []


def test_a_list_tells_by_its_labels_what_it_speaks_of() -> None:
    assert found("en", "- **Basil:** 20 cm apart\n- **Mint:** 40 cm apart", "- **Sage:** 60 cm apart") == []
    assert len(found("en", "- **Basil:** 20 cm apart", "Plant the basil 60 cm apart.")) == 1


def test_a_section_that_says_both_numbers_contradicts_neither() -> None:
    both = "The pot is 30 cm deep. A pot for two plants is 50 cm deep."
    assert found("en", "The pot is 30 cm deep.", both) == []
    assert found("en", both) == []


def test_what_is_shown_stands_in_the_markdown_and_is_told_once_for_two_sections() -> None:
    texts = {
        2: "Drink **at least 2 litres** of water a day. Again: 2 litres of water a day.",
        5: "Five.\n\n- Drink only 1 litre of water a day.\n- Yes, 1 litre of water a day.\n",
    }
    assert disagreements(texts, "en") == (
        Disagreement((2, "Drink **at least 2 litres** of water a day."), (5, "Drink only 1 litre of water a day.")),
    )


def test_an_address_is_not_shown() -> None:
    first = "Spend at most [30 percent](https://example.org/of-income) of your income on rent."
    assert found("en", first, "Spend 40 percent of your income on rent.") == [
        ("30 percent", "Spend 40 percent of your income on rent.")
    ]


def test_no_more_than_five_are_told_in_the_order_of_sections() -> None:
    things = ["rope", "ladder", "table", "carpet", "curtain", "shelf", "bench"]
    texts = {
        5: " ".join(f"The {thing} is 2 metres wide." for thing in things),
        1: " ".join(f"The {thing} is 3 metres wide." for thing in things),
    }
    told = disagreements(texts, "en")
    assert len(told) == MOST
    assert all((each.first[0], each.second[0]) == (1, 5) for each in told)
    assert [each.first[1] for each in told] == sorted(
        (each.first[1] for each in told), key=lambda words: things.index(words.split()[1])
    )


@pytest.mark.parametrize("text", ["7" * 100_000, "7." * 50_000, "百分之" * 30_000, "一" * 100_000, "3 cm, " * 20_000])
def test_what_no_one_writes_is_read_as_well(text: str) -> None:
    for language in ("en", "zh"):
        assert disagreements({0: text, 1: text.replace("3", "4")}, language) == ()


def test_they_are_among_the_figures_of_an_article() -> None:
    outline = Outline(title="Naps", sections=(Section(heading="One"), Section(heading="Two")))
    texts = {0: "A nap should last no longer than 20 minutes.", 1: "Naps of 45 minutes are best."}
    told = json.loads(json.dumps(asdict(measured(outline, texts))))["disagreeing"]
    assert told == [{"first": [0, texts[0]], "second": [1, texts[1]]}]


@given(TEXTS, st.integers(2, 5), LANGUAGES)
def test_sections_that_are_the_same_never_disagree(text: str, times: int, language: Language) -> None:
    assert disagreements(dict.fromkeys(range(times), text), language) == ()


@given(st.lists(TEXTS, max_size=5), LANGUAGES)
def test_the_words_stand_in_their_sections_whichever_way_these_are_numbered(
    texts: list[str], language: Language
) -> None:
    for numbered in (dict(enumerate(texts)), dict(enumerate(reversed(texts)))):
        told = disagreements(numbered, language)
        assert len(told) <= MOST
        assert [(each.first[0], each.second[0]) for each in told] == sorted(
            (each.first[0], each.second[0]) for each in told
        )
        for each in told:
            assert each.first[0] < each.second[0]
            assert all(words and words in numbered[index] for index, words in (each.first, each.second))
