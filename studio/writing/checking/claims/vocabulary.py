"""What the words of a clause tell of its topic: their stems, and the qualities that set one thing apart from others."""

import re
from functools import lru_cache
from typing import Final

Quality = tuple[str, str]
"""A quality's sort and itself, as season and winter."""
WORD: Final = re.compile(r"[^\W\d_㐀-鿿]+(?:['’][^\W\d_㐀-鿿]+)?|[㐀-鿿]+")
EMPTY: Final = """
    a about above add after again aim all allow almost alone along already also although always am amount an and another
    any anyone anything approximately are aren't around as at away back be because become been before begin being below
    besides best better between both bring but by call can can't cannot certain choose clear come consider could
    currently daily day degree depend did didn't do does doesn't dollar don't done down during each early effect either
    else end enough ensure entirely especially euro even ever every everyone everything exactly expect far few fewer
    final finally find follow for from full fully general generally get give go good got great greater had half happen
    has hasn't have haven't he help hence her here high higher him his hour hourly how however i i'd i'll i'm i've idea
    ideal ideally if important in include inside instead into is isn't it its itself just keep key know larger last
    later least leave less let like likely little long longer look lot lower main make many maximum may maybe me mean
    might minimum minute month monthly more most mostly much must my near nearly need never new next night no non nor
    normal normally not nothing now nowadays number of off often ok on once one only onto optimal or order other our out
    over own per percent percentage perhaps pick place please plenty plus point possible precisely prefer pretty
    probably proper properly provide put quick quickly quite range rather reach ready real really recommend remember
    require roughly same second see seem select set several shall she short shorter should simple simply since slightly
    smaller so some someone something soon start stay still straight such suggest suitable sure take temperature tend
    than that the their them themselves then there these they thing this those though through time to today together
    too total toward towards try turn typical typically under until up upon us use usual usually value very via wait
    want warmer was wasn't way we week weekly well were what when where whether which while who whole whose why will
    with within without won't work would year yearly yes yet you you'll you're you've your yourself bigger cooler cm kg
    km
"""
"""Words that say nothing of what a number is about."""
ROOTS: Final = """
    deep: deeper depth 深 深度
    wide: wider width 宽 宽度
    tall: taller height 高 高度
    long: length 长 长度
    thick: thicker thickness 厚 厚度
    apart: space spaced spacing 间距 株距
    rows: 行距
    weight: weigh heavy 重 体重 重量
    across: across diameter 直径 口径
    sun: sunlight sunshine sunny
    photo: photograph picture
    plant: sow sown
    sleep: slept asleep
    feed: fed
    keep: kept
    price: cost
    child: children
    person: people
    man: men
    woman: women
    foot: feet
    tooth: teeth
    grow: grew grown
    dry: dried
    nap: napping
    make: made
    give: gave given
    take: took taken
    find: found
    hold: held
    leave: left
    build: built
    seedling: seedling
    evening: evening
    morning: morning
    ceiling: ceiling
    spring: spring
    string: string
    during: during
"""
"""Forms that share no beginning, and words that only look like forms."""
DIMENSIONS: Final = frozenset({"deep", "wide", "tall", "long", "thick", "apart", "rows", "weight", "across"})
HAN_EMPTY: Final = frozenset(
    """
    有 是 要 需 需要 应 应该 应当 可以 能 能够 会 让 使 使得 保持 保证 确保 控制 选择 选 选用 挑选 挑 建议 推荐 最好
    大约 约 大概 左右 至少 最少 最多 不超过 超过 达到 达 到 给 把 将 放 放在 进行 使用 用 做 来 去 开始 通常 一般
    一般来说 合适 适合 适宜 最佳 理想 足够 够 这样 因此 时间 时 时候 过程 情况 方法 方式 问题 记得 注意 尽量 最 好 大
    小 多 少 不要 不能 不宜 不 没有 属于 作为 成为 认为 觉得 知道 看 看到 出现 得到 获得 获取 享受 感到 以上 以下 以内
    之内 之间 之后 之前 中 里 内 上 下 后 前 每天 每次 每日 每周 每月 每年 天 日 周 小时 分钟 范围 数量 总 共 总共 一共
    全部 整个 要求 必须 尤其 特别 比较 非常 很 更 温度 控制在 保持在 维持 温 准备 提供 留 留出 维持在 位于 处于 在 拥有
    具有 含 包括 包含 长达 短 一定 规定 标准 正常 平均 首先 其次 最后 然后 接着 随后 隔 想 必要 具体 容易 低 超 低于
    高于 不足 所需 基本
    """.split()  # noqa: SIM905
)
DEGREES: Final = "最很更"
TOLD: Final = frozenset({"n", "v", "a", "j", "i", "l", "z", "t", "s", "b", "x", "e"})
"""First letters of the parts of speech that tell of a topic."""
STRICT: Final = """
    season: winter 冬 冬季 冬天, summer 夏 夏季 夏天 盛夏, spring 春 春季 春天, autumn fall 秋 秋季 秋天
    hour: morning 早上 早晨 上午 清晨, afternoon 下午, evening 傍晚 晚上, noon 中午, midnight 午夜
    age: adult 成人 成年 成年人 成猫 成犬, child 儿童 孩子 小孩, baby infant 宝宝 婴儿, teen teenager 青少年
    age: toddler 幼儿, puppy 幼犬 小狗, kitten 幼猫 小猫, senior elder elderly 老人 老年人 老年, young 年轻人, old
    sex: man male boy 男 男性 男孩, woman female girl 女 女性 女孩
    week: weekday 工作日 平日, weekend 周末
    level: beginner novice 新手 初学者, advanced expert 高手 进阶
    measure: average mean 平均, median, record peak, highest maximum 最高 最大, lowest minimum 最小
    when: if 如果 若 若是 假如 要是, unless except 除非
"""
"""Qualities that both clauses name, or neither, when they are about the same thing; those between commas are one."""
LOOSE: Final = """
    size: small tiny mini dwarf 小型 小 迷你 小号, medium 中型 中等 中号, large big giant 大型 大 大号
    heat: hot 热 热水 炎热, warm 温 温水 温暖, cool 凉 凉水 凉爽, cold 冷 冷水 寒冷
    wet: dry 干 干燥, wet damp humid 湿 潮湿 湿润
    state: fresh 新鲜, frozen 冷冻, raw 生, cooked 熟, canned dried
    place: indoor indoors inside 室内, outdoor outdoors outside 室外 户外
    order: first 第一 首次, second 第二, third 第三, last final 最后
    side: top upper 顶部 上, bottom lower 底部 下, front, back
    reach: before 前 之前, after 后 之后 以后
    trade: buy import 买 进口, sell export 卖 出口
    tax: gross 税前, net 税后
    colour: red 红 红色, green 绿 绿色, blue 蓝 蓝色, white 白 白色, black 黑 黑色, yellow 黄 黄色, brown
    way: bake 烤, boil 煮, fry 炒 炸 煎, roast, steam 蒸, simmer stew 炖, grill
    sky: sunny 晴, cloudy overcast 阴, rain rainy 雨
"""
"""Qualities of which the two must not name different ones."""


def _rooted(rows: str) -> dict[str, str]:
    """The root of each word in rows."""
    return {
        word: root
        for row in rows.split("\n")
        for root, _, words in [row.strip().partition(":")]
        for word in words.split()
    }


def _table(rows: str) -> dict[str, Quality]:
    return {
        word: (group.strip(), words.split()[0])
        for row in rows.strip().splitlines()
        for group, _, named in [row.partition(":")]
        for words in named.split(",")
        for word in words.split()
    }


ROOT: Final = _rooted(ROOTS)
STRICTLY: Final = _table(STRICT)
LOOSELY: Final = _table(LOOSE)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The part that forms of an English word share."""
    word = word.casefold().replace("’", "'").removesuffix("'s")
    if word not in ROOT and len(word) > 2:
        word = _singular(word)
    if word not in ROOT and len(word) > 3:
        word = _bare(word)
    return ROOT.get(word, word)


def _bare(word: str) -> str:
    for ending in ("ing", "ed"):
        root = word.removesuffix(ending)
        if root != word and len(root) > 2 and re.search("[aeiouy]", root):
            word = root[:-1] if root[-1] == root[-2] and root[-1] not in "sl" else root
            break
    word = word.removesuffix("ly") if len(word) > 5 else word
    word = word.removesuffix("ion").removesuffix("ate").removesuffix("at") if len(word) > 6 else word
    word = word[:-1] + "i" if word.endswith("y") else word
    return word.removesuffix("e") if len(word) > 3 else word


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if re.search(r"(?:ss|sh|ch|x|z|o)es$", word):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


EMPTY_STEMS: Final = frozenset(stem(word) for word in EMPTY.split())


def terms(text: str) -> tuple[str, ...]:
    """What a clause speaks of, in its order: stems of English words, Chinese words that are no mere grammar."""
    found: dict[str, None] = {}
    for run in WORD.findall(text):
        found |= dict.fromkeys(_latin(run) if run[0] < "㐀" else _han(run))
    return tuple(found)


def qualities(text: str) -> tuple[frozenset[Quality], frozenset[Quality]]:
    """The qualities that a clause names, strict ones and loose ones."""
    words = {
        word for run in WORD.findall(text.casefold()) for word in ((run, stem(run)) if run[0] < "㐀" else _cut(run))
    }
    return (
        frozenset(STRICTLY[word] for word in words & STRICTLY.keys()),
        frozenset(LOOSELY[word] for word in words & LOOSELY.keys()),
    )


def _latin(word: str) -> tuple[str, ...]:
    root = stem(word)
    return () if len(root) < 2 or root in EMPTY_STEMS else (root,)


def _han(run: str) -> list[str]:
    return [
        ROOT.get(word, word)
        for word, kind in _tagged(run)
        if word in ROOT or (kind[0] in TOLD and word.lstrip(DEGREES) not in HAN_EMPTY)
    ]


def _cut(run: str) -> set[str]:
    return {word for word, _ in _tagged(run)}


@lru_cache(maxsize=4_000)
def _tagged(run: str) -> tuple[tuple[str, str], ...]:
    import rjieba

    return tuple(rjieba.tag(run))
