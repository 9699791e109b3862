"""Names told by what introduces or follows them.

The tagger looks at capital letters and at words with spaces between them. Of Arabic, Hebrew, Hindi,
Thai, Chinese, Japanese and Korean it would take whole sentences for names, so it does not read
them. A name is found there where something says that it is one: "my name is", a title, a label, the
end of a letter; and wherever the sender's own record has it (`own`).

In other writing the tagger reads them; where somebody says what they are called, what they say is
their name whatever else the word means ("ich heiße Klein").
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice

from answerable.privacy.spans import NAME
from answerable.privacy.view import View

_WRITINGS = (
    "\u0590-\u05ff\u0600-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"  # Hebrew, Arabic and what is written so
    "\u0900-\u0dff\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"  # from Devanagari to Khmer
    "\u1200-\u139f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
)
_WITHOUT_CAPITALS = re.compile(f"[{_WRITINGS}]")

_END = r"(?=[\s,،，。.!！?؟？;；、)」]|$)"
_LINE = r" {0,4}\n\s{0,4}"
_AFTER_CLOSING = r"[\s,،，。.!！~]{1,4}"
_ARABIC = "[\u0620-\u0652\u0670-\u06d3]"
_HEBREW = "[\u05d0-\u05ea'\"\u05f3\u05f4-]"
_HINDI = "[\u0900-\u0963\u0970-\u097f]"
_THAI = "[\u0e01-\u0e4e]"
_HAN = "[\u3400-\u9fff々]"
_JAPANESE = "[\u3041-\u30ff\u3400-\u9fff々]"
_HANGUL = "[\uac00-\ud7a3]"


def _words(text: str) -> str:
    return "|".join(re.escape(word.replace("_", " ")) for word in text.split())


def _spaced(letter: str, joined: str, stops: str) -> tuple[str, str]:
    """One word or two, and two; none is a stop word; what is joined to a word ("Abd al-") goes with
    it."""
    word = rf"(?!(?:{_words(stops)})(?!{letter}))(?:(?:{_words(joined)}) )?{letter}{{2,20}}"
    return rf"({word}(?: {word})?)", rf"({word} {word})"


def _arabic() -> Iterator[str]:
    stops = """من في على إلى الى عن مع و ولم ولا ولدي وأريد هل
    كيف أين متى أريد أرغب أود لم لا ما قد كان رقم عميل
    زبون هذا هذه الذي التي يا شكرا حق ولكن لكن لأن حتى عندي
    لدي وعندي وقد وأنا أنا منذ رقمي وحسابي وبطاقتي مكتوب مسجل غير خطأ
    ليس كما أخي سيدي سيدتي جماعة حسابي بطاقتي المحترم المحترمة وكان وهذا وهل
    است ہے"""
    name, whole = _spaced(_ARABIC, "عبد أبو ابو أم ابن بن بنت آل", stops)
    called = """اسمي_هو اسمي إسمي أدعى معك معكم اسم_من نام_من میرا_نام السيدة السيد الأستاذة الأستاذ
    أستاذة أستاذ الدكتورة الدكتور المهندسة المهندس زوجي زوجتي ابني ابنتي
    والدي والدتي أبي أمي جدي جدتي أخي أختي عمي خالي يا"""
    labels = "الاسم الاسم_الكامل اسم_العميل اسم_المستلم اسم_المستفيد"
    closings = "تحياتي التحية شكرا شكراً المخلص المخلصة جزيلا جزيلاً التقدير الاحترام"
    yield rf"(?<!{_ARABIC})(?:{_words(called)}) {{1,2}}{name}"
    yield rf"(?:^|[،,.!\n] ?)أنا {name}(?=[،,.])"
    yield rf"(?:تحويل|حوالة|حولت|أرسلت)[^\n.،]{{0,30}} إلى {whole}"
    yield rf"(?:{_words(labels)}) ?: ?{name}"
    yield rf"(?:{_words(closings)}){_AFTER_CLOSING}{name}\s*$"


def _hebrew() -> Iterator[str]:
    stops = """אני ואני לא את של על עם כי אבל יש אין רוצה מבקש
    מבקשת צריך צריכה ולא ויש הוא היא זה לקוח לקוחה מספר מאוד רבה
    לכם ועדיין וקיבלתי והכרטיס אשמח מבנק ומספר כתוב רשום נכון מראש שלי שלכם"""
    name, whole = _spaced(_HEBREW, "בן בר בת אבו", stops)
    called = """שמי קוראים_לי השם_שלי_הוא השם_שלי מדבר מדברת מר גברת גב' ד"ר בעלי אשתי בתי אמי אבי
    סבתא_שלי סבא_שלי אמא_שלי אבא_שלי אח_שלי אחות_שלי"""
    closings = """בברכה תודה תודה_רבה בתודה בכבוד_רב"""
    yield rf"(?<!{_HEBREW})(?:{_words(called)}) {{1,2}}{name}"
    yield rf"(?:העברה|העברתי|שלחתי)[^\n.,]{{0,30}} ל{whole}"
    yield rf"תודה(?: רבה)? {name}(?=[,.!])"
    yield rf"(?:שם|שם מלא|שם הלקוח|שם המוטב) ?: ?{name}"
    yield rf"(?:{_words(closings)}){_AFTER_CLOSING}{name}\s*$"


def _hindi() -> Iterator[str]:
    stops = """है हैं हूँ हूं और मेरा मेरी मेरे मुझे का की के को से बोल ने में पर यह वह जी नहीं आप कृपया
    क्या तथा एक ग्राहक गलत सही लिखा छपा बहुत सहित"""
    name, whole = _spaced(_HINDI, "कुमारी", stops)
    called = (
        "मेरा_नाम मेरा_पूरा_नाम श्रीमती श्री सुश्री डॉ. डॉक्टर मेरे_पति मेरी_पत्नी मेरे_बेटे मेरी_बेटी पिताजी माताजी"
    )
    closings = "धन्यवाद_सहित धन्यवाद सादर भवदीय भवदीया शुक्रिया"
    yield rf"(?<!{_HINDI})(?:{_words(called)}) {{1,2}}{name}"
    yield rf"(?<!{_HINDI})(?:पूरा )?नाम ?: ?{name}"
    yield rf"(?<!{_HINDI}){whole}(?= को (?:भेज|ट्रांसफर|पैसे|दिए))"
    yield rf"धन्यवाद {name}(?=[,!।])"
    yield rf"(?<!{_HINDI})मैं {name}(?= (?:बोल|हूँ|हूं))"
    yield rf"(?:{_words(closings)}){_AFTER_CLOSING}{name}\s*$"


def _thai() -> Iterator[str]:
    # Words are not parted, so a name ends where one of those that follow it begins.
    follow = _words("ครับ ค่ะ คะ นะ และ มี ต้องการ ไม่ อยาก ได้ ขอ เป็น ลูกค้า จาก เบอร์ หมายเลข โทร")
    part = rf"(?:(?!{follow}){_THAI}){{2,16}}"
    name = rf"({part}(?: {part})?)"
    yield rf"(?:ผม|ดิฉัน|ฉัน|หนู|เรา)ชื่อ ?(?:ว่า)?(?:นาย|นางสาว|นาง|คุณ)? ?{name}"
    yield rf"(?:ชื่อ|ชื่อ-นามสกุล|ชื่อผู้รับ|ชื่อบัญชี|ชื่อลูกค้า) ?: ?(?:นาย|นางสาว|นาง|คุณ)? ?{name}"
    yield rf"(?<!{_THAI})(?:นาย|นางสาว|น\.ส\.) ?{name}"
    yield rf"(?:ผม|ดิฉัน) ({part} {part})(?= )"
    yield rf"(?:โอน|ส่ง)[^\n]{{0,25}}ให้ ?(?:คุณ)?({part} {part})"
    yield rf"(?:คุณ(?:ปู่|ย่า|ตา|ยาย|พ่อ|แม่)|สามี|ภรรยา) ({_THAI}{{2,20}} {_THAI}{{2,20}})"
    yield rf"ขอบคุณ ?คุณ({part}?)(?=มาก|ครับ|ค่ะ|นะ|\s)"
    yield rf"(?:เรียน|สวัสดี)(?:ครับ|ค่ะ)? ?คุณ ?{name}"
    yield rf"(?:ขอบคุณ|ด้วยความเคารพ|ขอแสดงความนับถือ)(?:มาก)?(?:ครับ|ค่ะ)?{_LINE}{name}\s*$"


_CHINESE_FAMILIES = """王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何林高罗羅郑鄭梁谢謝宋
唐许許韩韓冯馮邓鄧曹彭曾肖萧蕭田董袁潘蔡蒋蔣余于杜叶葉程魏苏蘇吕呂丁任卢
盧姚沈钟鍾姜崔谭譚陆陸范汪廖石金韦韋贾賈夏付方邹鄒熊白孟秦邱侯江尹薛闫雷
龙龍黎史陶贺賀毛郝顾顧龚龔邵万萬覃武钱錢戴严嚴莫孔向常汤湯康易乔喬赖賴文"""


def _chinese() -> Iterator[str]:
    families = f"(?:欧阳|歐陽|司马|司馬|上官|诸葛|[{''.join(_CHINESE_FAMILIES.split())}])"
    given = r"[^\W\d_我你您的是在了不想要有没沒来來和与與这這那个個请請先女小经經老]"
    name = rf"({families}(?:(?=[\u3400-\u9fff]){given}){{1,2}})"
    called = """我叫 我名叫 我的名字是 我的名字叫 我是 名叫 给 給 敬爱的 尊敬的 亲爱的
    丈夫 妻子 老公 老婆 儿子 女儿
    爷爷 奶奶 爸爸 妈妈 父亲 母亲 外公 外婆 祖父 祖母"""
    labels = "姓名 名字 联系人 聯絡人 收件人 收款人 户名 戶名 持卡人 客户 客戶 署名"
    yield rf"(?:{_words(called)}){name}"
    yield rf"(?:{_words(labels)}) ?: ?{name}"
    yield rf"({families}(?:(?!先生|女士|小姐){_HAN}){{0,2}})(?:先生|女士|小姐|经理|經理)"
    yield rf"(?:谢谢|謝謝|多谢|多謝|敬上|此致|敬礼|祝好|顺祝商祺)[^\w\n]{{0,3}}\s{{0,4}}{name}\s*$"
    yield rf"(?:谢谢|謝謝|感谢|多谢)(小{_HAN}|{name[1:-1]})(?=[，,！!。])"
    yield rf"{_LINE}{name}(?: ?(?:敬上|谨上|上))?\s*$"


def _japanese() -> Iterator[str]:
    # "お客様" and the like are no names.
    others = _words(
        "客 皆 担当 奥 御 旦那 母 父 娘 息子 店員 兄 姉 弟 妹 業者 会社 貴 何 別 友達 同僚 社長"
    )
    name = rf"((?!お|ご|(?:{others})){_JAPANESE}{{1,6}}?(?: {_JAPANESE}{{1,6}}?)?)"
    whole = rf"((?!お|ご|(?:{others})){_HAN}{{1,4}}(?: ?{_JAPANESE}{{1,5}})?)"
    yield rf"(?:名前は|氏名は) ?{name}(?=です|と申|といい|と言い|。|、|$)"
    yield rf"(?:名前|氏名|名義|受取人|宛名|契約者) ?: ?{name}{_END}"
    yield rf"(?:^|[\s、。は！])(?<!名前は){name}と(?:申し|もうし|いい|言い)ます"
    person = rf"((?!(?:{others})){_HAN}{{1,4}}(?: {_HAN}{{1,3}})?)"
    yield rf"(?<!{_JAPANESE}){person} ?(?:様|さま|さん|氏)"
    yield rf"[はがにへとのを、]((?!(?:{others})){_HAN}{{1,4}})(?:様|さん)(?!式)"
    yield rf"^({_HAN}{{1,3}} {_JAPANESE}{{1,4}})です。"
    yield r"(?:^|[。、\s])((?!みな|おじ|おば|おき)(?:[ぁ-ん]{2,4}|[ァ-ヴー]{2,6}))さん[、にがのへ]"
    yield rf"(?:父|母|夫|妻|主人|息子|娘)の({_HAN}{{2,5}})(?=です|で|が|は|の|に|と|、)"
    yield rf"(?:ます|です|敬具|拝)[。！]?{_LINE}{whole}\s*$"


_KOREAN_FAMILIES = """김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차
주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인
맹제모탁국어은편용"""


def _korean() -> Iterator[str]:
    families = f"[{''.join(_KOREAN_FAMILIES.split())}]"
    name = rf"({families}{_HANGUL}{{1,2}})"
    said = r"(?=입니다|이에요|예요|에요|이고|이라고|라고|인데|이라|이며| ?입니다)"
    yield rf"(?:이름은|성함은|저는|전) ?{name}{said}"
    yield rf"(?:이름|성명|성함|예금주|수취인|받는 ?분|보내는 ?분|고객명) ?: ?{name}"
    yield rf"(?<!{_HANGUL}){name}(?=(?:이라고|라고) ?합니다)"
    yield rf"^{name}(?=입니다)"
    yield rf"(?<!{_HANGUL}){name}(?=(?:에게|한테) (?:보낸|보냈|송금|이체))"
    family = _words("할머니 할아버지 어머니 아버지 남편 아내 아들 딸")
    yield rf"(?:{family}) {name}(?= ?(?:명의|의|이름|에게|이|가|은|는))"
    nobody = _words(
        """고객 상담 선생 기사 사장 이모 고모 이분 여러분 점장 부장 과장 대리 하나 주인 아버 어머
        형 직원 담당 매니저 회원 할머 할아 부모 스승"""
    )
    after = rf"(?= ?(?:님|씨)(?:{_END}|[께은는이가의도을를과와]))"
    yield rf"(?<!{_HANGUL})(?!(?:{nobody}))({_HANGUL}{{2,3}}){after}"
    yield rf"(?<!{_HANGUL}){name}(?= ?(?:드림|올림|배상)\s*$)"
    yield rf"(?:감사합니다|고맙습니다|부탁드립니다)[.!]?{_LINE}{name}\s*$"


_CALLED = re.compile(
    r"\b(?:my (?:full |new )?name(?: is|['’]s)|ich hei(?:ß|ss)e|mein name (?:ist|lautet)"
    r"|je m['’]appelle|mon nom est|me llamo|mi nombre es|mi chiamo|il mio nome è|mijn naam is"
    r"|ik heet|nazywam się|(?:o )?meu nome é|chamo-me|me chamo|jag heter|mitt namn är"
    r"|jeg he(?:dder|ter)|mit navn er|jmenuji se|mă numesc|a nevem)"
    r" (?:(?:jetzt|nun|now|ahora|maintenant|nu|teraz|agora|adesso|ora) )?"
)
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_GAP = re.compile(r" {1,3}")
_PARTICLES = "van von de der den del la di da dos bin al"
_JOINING = frozenset(_PARTICLES.split())
_LONGEST_NAME = 6  # words
_MOST_CALLED = 5  # persons; the text is searched for each


@cache
def _introduced() -> tuple[re.Pattern[str], ...]:
    """Made when they are needed first: to compile them takes a tenth of a second."""
    languages = (_arabic, _hebrew, _hindi, _thai, _chinese, _japanese, _korean)
    return tuple(re.compile(pattern) for language in languages for pattern in language())


def has_such_writing(text: str) -> bool:
    """True if any of it is in writing without capital letters."""
    return not text.isascii() and _WITHOUT_CAPITALS.search(text) is not None


def find_called(view: View) -> None:
    """What somebody says that they are called, in writing with capital letters."""
    called: dict[str, None] = {}
    for said in _CALLED.finditer(view.lower):
        start = said.end()
        end = _end_of_name(view.text, start)
        if end > start:
            called[view.text[start:end]] = None
            if view.is_free(start, end):
                view.add(NAME, start, end, " ".join(view.lower[start:end].split()))
    # Who is called "Will" once in a message is so elsewhere in it.
    for name in islice(called, _MOST_CALLED):
        for again in re.finditer(rf"\b{re.escape(name)}\b", view.text):
            if view.is_free(*again.span()):
                view.add(NAME, *again.span(), " ".join(name.lower().split()))


def _end_of_name(text: str, start: int) -> int:
    """Where the name that begins at `start` ends; `start` if none does."""
    end = at = start
    for _ in range(_LONGEST_NAME):
        word = _WORD.match(text, at)
        if word is None:
            break
        if word[0][0].isupper() and word[0] != "I":
            end = word.end()
        elif word[0] not in _JOINING or end == start:
            break
        gap = _GAP.match(text, word.end())
        if gap is None:
            break
        at = gap.end()
    return end


def find_introduced(view: View) -> None:
    """Names in writing without capital letters; nothing where the text has none of it."""
    if not has_such_writing(view.text):
        return
    for pattern in _introduced():
        for found in pattern.finditer(view.text):
            start, end = found.span(1)
            if view.is_free(start, end):
                view.add(NAME, start, end, found[1])
