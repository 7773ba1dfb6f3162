"""The words of My Clippings.txt in Japanese, Chinese and Russian."""

from services.imports.clippings_grammar import NEVER, RANGE, Kind, Language, kinds, location, page, word

JAPANESE = Language(
    code="ja",
    # The old devices write the kind first, the others last.
    kinds=(
        (word("記事クリップ|この記事をクリップ"), Kind.CLIP),
        (word(r"^ハイライト|のハイライト\s*$|^下線|の下線\s*$"), Kind.HIGHLIGHT),
        (word(r"^メモ|のメモ\s*$"), Kind.NOTE),
        (word(r"^ブックマーク|のブックマーク\s*$"), Kind.BOOKMARK),
    ),
    location=word(rf"位置\s*(?:no\.?)?\s*{RANGE}"),
    page=word(r"(?P<page>(?<=ページ)\s*[^\s|]{1,32}(?=\s*(?:\||$))|(?<![^\s|])[^\s|]{1,32}(?=ページ))"),
    signs=word("作成日|追加日"),
    months=(),
    morning=frozenset({"午前"}),
    evening=frozenset({"午後"}),
    unknown_authors=frozenset({"不明", "著者不明"}),
    limit=word(r"<\s*このアイテムのクリップの上限に達しました[^<>]{0,300}>\s*\Z"),
)

CHINESE = Language(
    code="zh",
    kinds=(
        (word("文章剪切"), Kind.CLIP),
        (word(r"的\s*标注"), Kind.HIGHLIGHT),
        (word(r"的\s*笔记"), Kind.NOTE),
        (word(r"的\s*书签"), Kind.BOOKMARK),
    ),
    location=word(rf"位置\s*#?\s*{RANGE}"),
    page=word(r"第\s*(?P<page>[^\s|\uff08(页]{1,32})\s*页"),
    signs=word("添加"),
    months=(),
    morning=frozenset({"上午"}),
    evening=frozenset({"下午"}),
    unknown_authors=frozenset({"未知", "佚名"}),
    limit=word(r"<\s*您已达到本内容的剪贴上限[^<>]{0,300}>\s*\Z"),
)

RUSSIAN = Language(
    code="ru",
    kinds=kinds(
        "ваш|ваша|ваше",
        highlight="выделенный отрывок|подчеркнутый отрывок|подчёркнутый отрывок",
        note="заметка",
        bookmark="закладка",
        clip="вырезка",
    ),
    location=location("место|месте|места"),
    page=page("странице|страница", r"(?:в\s+)?мест"),
    signs=word("добавлено"),
    months=(
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ),
    unknown_authors=frozenset({"неизвестно", "неизвестный", "неизвестный автор", "неизвестен"}),
    limit=NEVER,
)
